"""Recorded traces: what any format says is read back whole; nonsense is an error and no more."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.core.message import Message, Role, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.policy.learn.draft import learn
from tyrian.policy.load import policy_and_source
from tyrian.policy.recorded.read import READERS, detect, read_traces

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
names = st.text("abcdefgh_", min_size=1, max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
arguments = st.dictionaries(names, values, max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> Trace:
    """A user, then turns of the model: text, or calls that are all answered."""
    said: list[Message] = [Message.system(draw(texts)), Message.user(draw(texts))]
    number = 0
    for _ in range(draw(st.integers(0, 4))):
        calls = []
        for name in draw(st.lists(names, max_size=3)):
            number += 1
            calls.append(ToolCall(f"call_{number}", name, json.dumps(draw(arguments))))
        text = draw(texts) if not calls or draw(st.booleans()) else ""
        said.append(Message.assistant(text, calls=calls))
        said += [Message.tool(draw(texts), tool_call_id=call.id) for call in calls]
    return Trace((*said, Message.assistant("done", calls=[ToolCall("call_z", "end", "{}")])))


def openai(trace: Trace) -> Any:
    return {"model": "m", "messages": [_openai(message) for message in trace.messages]}


def _openai(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role.value, "content": _text(message) or None}
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    if message.role is Role.TOOL:
        found["tool_call_id"] = message.tool_call_id
    return found


def _text(message: Message) -> str:
    return "".join(getattr(part, "text", "") for part in message.parts)


def responses(trace: Trace) -> Any:
    items: list[dict[str, Any]] = []
    for message in trace.messages:
        if message.role is Role.TOOL:
            kind = {"type": "function_call_output", "call_id": message.tool_call_id}
            items.append({**kind, "output": _text(message)})
            continue
        if _text(message):
            kind_of = "output_text" if message.role is Role.ASSISTANT else "input_text"
            content = [{"type": kind_of, "text": _text(message)}]
            items.append({"type": "message", "role": message.role.value, "content": content})
        items += [
            {"type": "function_call", "call_id": c.id, "name": c.name, "arguments": c.arguments}
            for c in message.tool_calls
        ]
    return {"model": "m", "input": items}


def anthropic(trace: Trace) -> Any:
    system, *rest = trace.messages
    found = []
    for message in rest:
        blocks: list[dict[str, Any]] = []
        if message.role is Role.TOOL:
            result = {"type": "tool_result", "tool_use_id": message.tool_call_id}
            blocks = [{**result, "content": [{"type": "text", "text": _text(message)}]}]
        else:
            blocks = [{"type": "text", "text": _text(message)}] if _text(message) else []
            blocks += [
                {"type": "tool_use", "id": c.id, "name": c.name, "input": json.loads(c.arguments)}
                for c in message.tool_calls
            ]
        role = "user" if message.role is Role.TOOL else message.role.value
        found.append({"role": role, "content": blocks})
    return {"system": _text(system), "messages": found}


def langchain(trace: Trace) -> Any:
    kinds = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}
    return [
        {
            "type": kinds[message.role.value],
            "data": {
                "content": _text(message),
                "tool_calls": [
                    {"name": c.name, "args": json.loads(c.arguments), "id": c.id}
                    for c in message.tool_calls
                ],
                "tool_call_id": message.tool_call_id or None,
            },
        }
        for message in trace.messages
    ]


def inspect(trace: Trace) -> Any:
    return {
        "version": 2,
        "eval": {},
        "samples": [{"id": 1, "epoch": 1, "messages": [_inspect(m) for m in trace.messages]}],
    }


def _inspect(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role.value, "content": _text(message)}
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": c.id, "function": c.name, "arguments": json.loads(c.arguments)}
            for c in message.tool_calls
        ]
    if message.role is Role.TOOL:
        found["tool_call_id"] = message.tool_call_id
    return found


def otel(trace: Trace) -> Any:
    """The whole conversation as the input and output of one span, in OTLP's JSON."""
    *given_, last = [_otel(message) for message in trace.messages]
    attributes = {"gen_ai.input.messages": given_, "gen_ai.output.messages": [last]}
    span = {
        "traceId": "t1",
        "name": "chat m",
        "attributes": [
            {"key": key, "value": {"stringValue": json.dumps(value)}}
            for key, value in attributes.items()
        ],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def _otel(message: Message) -> dict[str, Any]:
    if message.role is Role.TOOL:
        response = {"type": "tool_call_response", "id": message.tool_call_id}
        return {"role": "tool", "parts": [{**response, "response": _text(message)}]}
    parts = [{"type": "text", "content": _text(message)}] if _text(message) else []
    parts += [
        {"type": "tool_call", "id": c.id, "name": c.name, "arguments": json.loads(c.arguments)}
        for c in message.tool_calls
    ]
    return {"role": message.role.value, "parts": parts}


WRITERS: dict[str, tuple[str, Callable[[Trace], Any]]] = {
    "openai": ("openai", openai),
    "responses": ("openai", responses),
    "anthropic": ("anthropic", anthropic),
    "langchain": ("langchain", langchain),
    "inspect": ("inspect", inspect),
    "otel": ("otel", otel),
}


def plain(trace: Trace) -> list[Any]:
    """What a trace says, whatever its messages are cut into."""
    found: list[Any] = []
    for message in trace.messages:
        if _text(message):
            found.append((message.role, message.tool_call_id, _text(message)))
        found += [(c.id, c.name, json.loads(c.arguments)) for c in message.tool_calls]
    return found


@pytest.mark.parametrize("writer", WRITERS)
@given(trace=conversations())
def test_a_conversation_is_read_back_whole_and_its_format_is_known(
    writer: str, trace: Trace
) -> None:
    kind, write = WRITERS[writer]
    document = json.loads(json.dumps(write(trace)))
    assert detect(document) == kind
    for data in (json.dumps(document), json.dumps(document, indent=2) + "\n"):
        (read,) = read_traces(data.encode())
        assert plain(read) == plain(trace)


@given(conversations())
def test_requests_that_grow_are_one_conversation(trace: Trace) -> None:
    lines = [
        json.dumps(openai(Trace(trace.messages[:count]))) for count in range(1, len(trace) + 1)
    ]
    (read,) = read_traces("\n".join(lines).encode())
    assert plain(read) == plain(trace)


_KEYS = """messages role content type tool_calls function name arguments id data lc kwargs samples
input output attributes context events resourceSpans scopeSpans spans key value tool request
response choices message system epoch traceId parts"""
KEYS = _KEYS.split()
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "role",
                    "content",
                    "type",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "data",
                    "lc",
                    "kwargs",
                    "samples",
                    "input",
                    "output",
                    "attributes",
                    "context",
                    "events",
                    "resourceSpans",
                    "scopeSpans",
                    "spans",
                    "key",
                    "value",
                    "tool",
                    "request",
                    "response",
                    "choices",
                    "message",
                    "system",
                    "epoch",
                    "traceId",
                    "parts",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("form", ["auto", *READERS])
@given(document=anything)
def test_nonsense_is_an_error_with_its_place(form: str, document: Any) -> None:
    with contextlib.suppress(InputError):
        read_traces(json.dumps(document).encode(), form)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda b: b"PK\x03\x04" + b))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputError):
        read_traces(data)


@given(st.lists(conversations(), min_size=1, max_size=3))
def test_a_draft_allows_what_it_was_learned_from_and_lint_finds_no_error(
    traces: list[Trace],
) -> None:
    draft = learn(traces, "/workspace")
    assert draft.refused == ()
    found = policy_and_source(draft.text, "draft.yaml")
    assert not isinstance(found, list), found
