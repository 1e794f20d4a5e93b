"""Recorded traces of any known format: which one it is, and the conversations in it."""

import json
from collections.abc import Callable, Mapping

from tyrian.core.message import Trace
from tyrian.errors import InputError
from tyrian.policy.recorded.anthropic import read_anthropic
from tyrian.policy.recorded.inspect import read_inspect, read_inspect_archive
from tyrian.policy.recorded.langchain import read_langchain
from tyrian.policy.recorded.openai import read_openai
from tyrian.policy.recorded.otel import read_otel
from tyrian.policy.recorded.parts import kind_of

MAX_BYTES = 256 * 1024 * 1024

OTEL = "otel"
"""Spans of one trace may stand in documents of their own, so all are read together."""

READERS: Mapping[str, Callable[[object], list[Trace]]] = {
    OTEL: read_otel,
    "openai": read_openai,
    "anthropic": read_anthropic,
    "langchain": read_langchain,
    "inspect": read_inspect,
}
ROWS = "rows"
"""Rows of single calls, as `policy check` reads them; no format of traces."""

_ZIP = b"PK\x03\x04"
_ANTHROPIC_BLOCKS = frozenset({"tool_use", "tool_result", "server_tool_use", "thinking"})
_LANGCHAIN_TYPES = frozenset({"human", "ai", "AIMessageChunk"})
_RESPONSES_TYPES = frozenset({"function_call", "function_call_output", "reasoning"})


def read_traces(data: bytes, form: str = "auto") -> list[Trace]:
    """The conversations in a file; InputError says where it is not what it should be.

    A file without any is an error too: nobody should take it for one without faults.

    A file is one JSON document, one in each line, or an archive of Inspect.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"the trace is larger than {MAX_BYTES:,} bytes")
    if data.startswith(_ZIP):
        return read_inspect_archive(data)
    found: list[Trace] = []
    spans: list[object] = []
    for place, document in _documents(data):
        kind = form if form != "auto" else detect(document)
        if kind not in READERS:
            known = ", ".join(READERS)
            message = f"{place}: this is no trace of a known format"
            raise InputError(message, hint=f"name the format: {known}")
        if kind == OTEL:
            spans += document if isinstance(document, list) else [document]
        else:
            found += _read(kind, document, place)
    if spans:
        found += _read(OTEL, spans, "trace")
    if not any(trace.messages for trace in found):
        raise InputError("the trace holds no messages")
    return _merged(found)


def _read(kind: str, document: object, place: str) -> list[Trace]:
    try:
        return READERS[kind](document)
    except InputError as error:
        raise InputError(f"{place} ({kind}): {error.message}", hint=error.hint) from None
    except RecursionError:
        raise InputError(f"{place} ({kind}): nested too deeply") from None


def is_rows(data: bytes) -> bool:
    """True where the first line is a row of `policy check`."""
    first = data.lstrip().split(b"\n", 1)[0]
    try:
        return detect(json.loads(first)) == ROWS
    except (ValueError, RecursionError):
        return False


def detect(document: object) -> str:
    """The format of a document by its shape; '' where it has that of none."""
    fields = document if isinstance(document, dict) else {}
    if fields.keys() & {"resourceSpans", "resource_spans", "resourceLogs"} or _is_span(document):
        return "otel"
    if "samples" in fields or ("messages" in fields and "epoch" in fields):
        return "inspect"
    if "tool" in fields and not fields.keys() & {"messages", "role"}:
        return ROWS
    inner = fields.get("request") if isinstance(fields.get("request"), dict) else fields
    items = document if isinstance(document, list) else _items(inner or fields)
    kinds = {kind_of(item) for item in items if isinstance(item, dict)}
    if any(isinstance(item, list) or (isinstance(item, dict) and "lc" in item) for item in items):
        return "langchain"
    if kinds & _LANGCHAIN_TYPES:
        return "langchain"
    if kinds & _RESPONSES_TYPES or "input" in (inner or {}):
        return "openai"
    if "system" in (inner or {}) or fields.get("type") == "message" or _has_blocks(items):
        return "anthropic"
    return "openai" if any(isinstance(i, dict) and "role" in i for i in items) else ""


def _items(fields: Mapping[str, object]) -> list[object]:
    for key in ("messages", "input", "output", "values", "outputs", "content"):
        found = fields.get(key)
        if isinstance(found, list):
            return found
        if isinstance(found, dict) and isinstance(found.get("messages"), list):
            return list(found["messages"])
    return []


def _is_span(document: object) -> bool:
    first = document[0] if isinstance(document, list) and document else document
    return (
        isinstance(first, dict)
        and "attributes" in first
        and bool(first.keys() & {"context", "traceId", "trace_id"})
    )


def _has_blocks(items: list[object]) -> bool:
    blocks = [
        block
        for item in items
        if isinstance(item, dict)
        for block in (item["content"] if isinstance(item.get("content"), list) else [item])
    ]
    kinds = {kind_of(block) for block in blocks if isinstance(block, dict)}
    return bool(kinds & _ANTHROPIC_BLOCKS)


def _documents(data: bytes) -> list[tuple[str, object]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the trace is not UTF-8") from None
    try:
        return [("trace", json.loads(text))]
    except RecursionError:
        raise InputError("the trace is nested too deeply") from None
    except ValueError:
        pass
    decoder = json.JSONDecoder()
    found: list[tuple[str, object]] = []
    at = 0
    # Exporters write one document after another, on one line each or indented.
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
            continue
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            line = text.count("\n", 0, at) + 1
            raise InputError(f"line {line}: not JSON") from None
        found.append((f"line {text.count(chr(10), 0, at) + 1}", document))
    if not found:
        raise InputError("the trace is empty")
    return found


def _merged(traces: list[Trace]) -> list[Trace]:
    """Without conversations that another one continues: each request holds those before it."""
    longer: dict[tuple[str, str], list[Trace]] = {}
    kept: set[int] = set()
    for trace in sorted(traces, key=len, reverse=True):
        same = longer.setdefault((trace.id, repr(trace.messages[:1])), [])
        if not any(other.messages[: len(trace)] == trace.messages for other in same):
            same.append(trace)
            kept.add(id(trace))
    return [trace for trace in traces if id(trace) in kept]
