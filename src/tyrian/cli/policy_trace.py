"""`tyrian policy check --trace` and `tyrian policy learn`: recorded traces of known formats."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from tyrian.cli.source import STANDARD_INPUT, opened
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.firewall.labels import labeller
from tyrian.policy.recorded.read import MAX_BYTES, is_rows, read_traces
from tyrian.policy.refusal import Refusal
from tyrian.policy.replay import replay_trace
from tyrian.policy.row import RowAnswer, row_of
from tyrian.policy.strict_json import read_object
from tyrian.policy.tool import ToolPolicy
from tyrian.policy.trace import TraceReader


class FormatIn(StrEnum):
    """Formats of recorded traces."""

    AUTO = "auto"
    ROWS = "rows"
    OTEL = "otel"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    LANGCHAIN = "langchain"
    INSPECT = "inspect"


def read_all(source: str) -> bytes:
    """All of a file, or of standard input."""
    with opened(source) as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{source}: larger than {MAX_BYTES:,} bytes")
    return data


def are_rows(data: bytes, form: FormatIn) -> bool:
    """Whether the data are rows of single calls."""
    return form is FormatIn.ROWS or (form is FormatIn.AUTO and is_rows(data))


def answers(policy: ToolPolicy, data: bytes, form: FormatIn) -> Iterator[RowAnswer]:
    """A decision for each call of each trace."""
    reader = TraceReader(policy, labeller=labeller(policy.labels))
    for number, trace in enumerate(read_traces(data, form.value), 1):
        for found in replay_trace(policy, trace, reader, number):
            yield RowAnswer(found.as_json(), found.decision.effect, decision=found.decision)


def traces_of(paths: list[str], form: FormatIn) -> list[Trace]:
    """The traces in all of these files; rows of calls are one trace for each file."""
    found: list[Trace] = []
    for path in paths:
        data = read_all(path)
        try:
            found += [_of_rows(data)] if are_rows(data, form) else read_traces(data, form.value)
        except InputError as error:
            name = "standard input" if path == STANDARD_INPUT else Path(path)
            raise InputError(f"{name}: {error.message}", hint=error.hint) from None
    return found


def _of_rows(data: bytes) -> Trace:
    """Rows as calls, each with an output that was read."""
    messages: list[Message] = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            call = row_of(read_object(line), number).call
        except Refusal as refusal:
            raise InputError(f"line {number}: {refusal.reason}") from None
        args = call.raw_args if call.raw_args is not None else json.dumps(call.args or {})
        made = ToolCall(f"row-{number}", str(call.tool), args)
        messages += (Message.assistant(calls=[made]), Message.tool("", tool_call_id=made.id))
    return Trace(tuple(messages))
