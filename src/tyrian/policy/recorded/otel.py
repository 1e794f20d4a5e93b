"""Spans and events of OpenTelemetry's GenAI conventions, as OTLP writes them and as exporters do.

Content stands in attributes (`gen_ai.input.messages` and its kin), in span events of the older
conventions (`gen_ai.user.message` ...), or only in spans of tools (`gen_ai.tool.call.arguments`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.policy.recorded.parts import (
    Json,
    as_text,
    call,
    json_or_text,
    mapping,
    message_of,
    optional,
    placed,
    role,
    sequence,
)

_INPUT = ("gen_ai.system_instructions", "gen_ai.input.messages")
_OUTPUT = "gen_ai.output.messages"
_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}


@dataclass(slots=True)
class _Span:
    trace_id: str
    start: str
    attributes: dict[str, object]
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def read_otel(data: object) -> list[Trace]:
    """The conversations in a batch of spans, each as far as its span knew it."""
    by_trace: dict[str, list[_Span]] = defaultdict(list)
    for span in _spans(data):
        by_trace[span.trace_id].append(span)
    for span in _logged(data):
        by_trace[span.trace_id].append(span)
    found: list[Trace] = []
    for trace_id, spans in by_trace.items():
        spans.sort(key=lambda span: (len(span.start), span.start))
        said = [one for span in spans if (one := _conversation(span))]
        if said:
            found += (Trace(one, trace_id) for one in said)
        elif tools := tuple(_of_tools(spans)):
            found.append(Trace(tools, trace_id))
    if by_trace and not found:
        hint = "record with OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT set"
        raise InputError("the spans hold no messages and no calls of tools", hint=hint)
    return found


def _logged(data: object) -> list[_Span]:
    """Spans of which only the log records are there, each with its records as events."""
    found: dict[tuple[str, str], _Span] = {}
    if isinstance(data, list):
        return [span for item in data for span in _logged(item)]
    if not isinstance(data, dict) or "resourceLogs" not in data:
        return []
    for at, resource in placed(sequence(data["resourceLogs"], "resourceLogs"), "resourceLogs"):
        for below, scope in placed(sequence(resource.get("scopeLogs") or [], at), at):
            for place, record in placed(sequence(scope.get("logRecords") or [], below), below):
                attributes = _attributes(record.get("attributes"), place)
                name = record.get("eventName") or attributes.get("event.name")
                body = _value(record.get("body"))
                ids = str(record.get("traceId") or ""), str(record.get("spanId") or "")
                start = str(record.get("observedTimeUnixNano") or "")
                span = found.setdefault(ids, _Span(ids[0], start, {}))
                span.events.append((str(name), {**attributes, "body": body}))
    return list(found.values())


def _spans(data: object) -> Iterator[_Span]:
    if isinstance(data, list):
        for _, item in placed(data, "spans"):
            yield from _spans(item)
        return
    fields = mapping(data, "spans")
    if "resourceLogs" in fields:
        return
    for resource_key, scope_key, span_key in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resource_spans", "scope_spans", "spans"),
    ):
        if resource_key in fields:
            for at, resource in placed(sequence(fields[resource_key], resource_key), resource_key):
                for below, scope in placed(sequence(resource.get(scope_key) or [], at), at):
                    for place, span in placed(sequence(scope.get(span_key) or [], below), below):
                        yield _span(span, place)
            return
    yield _span(fields, "span")


def _span(fields: Json, at: str) -> _Span:
    context = fields.get("context")
    found = fields.get("traceId", fields.get("trace_id"))
    if found is None and isinstance(context, dict):
        found = context.get("trace_id")
    start = fields.get("startTimeUnixNano", fields.get("start_time", ""))
    events = [
        (optional(event.get("name"), place), _attributes(event.get("attributes"), place))
        for place, event in placed(sequence(fields.get("events") or [], at), f"{at}.events")
    ]
    return _Span(str(found or ""), str(start), _attributes(fields.get("attributes"), at), events)


def _attributes(given: object, at: str) -> dict[str, object]:
    """Attributes as a plain object, whichever of the two ways they are written in."""
    if given is None:
        return {}
    if isinstance(given, dict):
        return dict(given)
    return {
        optional(item.get("key"), place): _value(item.get("value"))
        for place, item in placed(sequence(given, at), at)
    }


def _value(value: object) -> object:
    """A value of OTLP: `{"stringValue": ...}` and its kin."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    if kind == "arrayValue" and isinstance(inner, dict):
        return [_value(item) for item in inner.get("values", [])]
    if kind == "kvlistValue" and isinstance(inner, dict):
        return _attributes(inner.get("values", []), "kvlistValue")
    return inner


def _conversation(span: _Span) -> tuple[Message, ...]:
    given: list[Message] = []
    for key in _INPUT:
        found = json_or_text(span.attributes.get(key))
        if isinstance(found, str):
            given.append(Message.system(found))
        elif found:
            given += _messages(sequence(found, key), key)
    output = json_or_text(span.attributes.get(_OUTPUT))
    if output:
        given += _messages(sequence(output, _OUTPUT), _OUTPUT)
    for name, attributes in span.events:
        if name in _EVENTS:
            given += _of_event(name, attributes)
        elif any(key in attributes for key in (*_INPUT, _OUTPUT)):
            given += _conversation(_Span(span.trace_id, span.start, attributes))
    return tuple(given)


def _messages(items: list[object], place: str) -> Iterator[Message]:
    """Messages with parts; a list of bare parts is the system's."""
    bare = [item for item in items if isinstance(item, dict) and "role" not in item]
    if bare and len(bare) == len(items):
        yield from _message(Role.SYSTEM, bare, place)
        return
    for at, item in placed(items, place):
        seat = role(item.get("role"), f"{at}.role")
        parts = item.get("parts", item.get("content"))
        if isinstance(parts, str):
            parts = [{"type": "text", "content": parts}]
        yield from _message(seat, sequence(parts or [], at), at)


def _message(seat: Role, parts: Iterable[object], at: str) -> Iterator[Message]:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for place, part in placed(parts, at):
        kind = part.get("type")
        if kind == "tool_call":
            calls.append(call(part.get("id"), part.get("name"), part.get("arguments"), place))
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            call_id = optional(part.get("id"), f"{place}.id")
            yield Message.tool(as_text(answer), tool_call_id=call_id)
        elif isinstance(content := part.get("content", part.get("text")), str):
            texts.append(content)
    if texts or calls or seat is Role.ASSISTANT:
        yield message_of(seat, "\n".join(texts), calls if seat is Role.ASSISTANT else ())


def _of_event(name: str, attributes: Json) -> Iterator[Message]:
    """A message of the older conventions, with the body as attributes or under `message`."""
    fields = attributes
    for key in ("body", "message"):
        inner = json_or_text(fields.get(key))
        fields = inner if isinstance(inner, dict) else fields
    content = fields.get("content", fields.get("gen_ai.event.content"))
    text = "" if content is None else as_text(content)
    seat = role(fields.get("role", _EVENTS[name]), f"{name}.role")
    calls = []
    given = json_or_text(fields.get("tool_calls"))
    for place, item in placed(sequence(given or [], name), f"{name}.tool_calls"):
        function = item.get("function")
        inner = function if isinstance(function, dict) else item
        calls.append(call(item.get("id"), inner.get("name"), inner.get("arguments"), place))
    if seat is Role.TOOL:
        call_id = optional(fields.get("id", fields.get("tool_call_id")), name)
        yield Message.tool(text, tool_call_id=call_id)
    else:
        yield message_of(seat, text, calls if seat is Role.ASSISTANT else ())


def _of_tools(spans: list[_Span]) -> Iterator[Message]:
    """Calls and outputs where only the tools' own spans tell of them."""
    for number, span in enumerate(spans):
        name = span.attributes.get("gen_ai.tool.name")
        if not isinstance(name, str):
            continue
        given_id = span.attributes.get("gen_ai.tool.call.id")
        call_id = given_id if isinstance(given_id, str) else f"span-{number}"
        arguments = span.attributes.get("gen_ai.tool.call.arguments")
        yield Message.assistant(calls=[call(call_id, name, arguments, "gen_ai.tool")])
        result = span.attributes.get("gen_ai.tool.call.result")
        yield Message.tool("" if result is None else as_text(result), tool_call_id=call_id)
