"""Rows of `tyrian scan`: bytes to lines, lines to rows; pure, in constant memory."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from tyrian.core.detection import Stage
from tyrian.core.message import Message, Origin, Role, ToolCall, Trace
from tyrian.errors import InputError
from tyrian.gateway.strict_json import decode_object
from tyrian.gateway.wire import message_from_openai

Id = str | int | None

ROW_HINT = 'a row is {"text": "..."} or {"messages": [...]}, one on each line'

E = TypeVar("E", Origin, Stage)


@dataclass(frozen=True, slots=True)
class Line:
    """One non-empty line of the input; `data` is None where it is longer than the limit."""

    number: int
    data: bytes | None


class LineSplitter:
    """Cuts chunks of bytes into lines; a line over the limit is told, never kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._is_too_long = False
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in this chunk."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._keep(chunk[start:end])
            start = end + 1
            yield from self._end()
        self._keep(chunk[start:])

    def close(self) -> Iterator[Line]:
        """The last line, where the input does not end in a line break."""
        if self._rest or self._is_too_long:
            yield from self._end()

    def _keep(self, piece: bytes) -> None:
        if self._is_too_long or len(self._rest) + len(piece) > self._limit:
            self._is_too_long = True
            self._rest.clear()
        else:
            self._rest += piece

    def _end(self) -> Iterator[Line]:
        self._number += 1
        data = None if self._is_too_long else bytes(self._rest)
        if data and self._number == 1:
            data = data.removeprefix(BOM_UTF8)  # as some editors begin a file
        self._rest.clear()
        self._is_too_long = False
        if data is None or data.strip():
            yield Line(self._number, data)


@dataclass(frozen=True, slots=True)
class Subject:
    """A message to judge: where, after what, and its index among the row's messages."""

    message: Message
    stage: Stage | None
    trace: Trace
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What one line asks for."""

    id: Id
    subjects: tuple[Subject, ...]


class RowError(InputError):
    """A line that cannot be read as a row; `id` is the row's own, where that could be read."""

    def __init__(self, message: str, *, row_id: Id = None) -> None:
        super().__init__(message)
        self.row_id = row_id


def fields_of(line: Line) -> tuple[Id, dict[str, object]]:
    """The id and the fields of the row that a line is; without an id, its number stands for it."""
    if line.data is None:
        raise RowError("the line is too long")
    try:
        fields = decode_object(line.data)
    except InputError as error:
        raise RowError(error.message.replace("the body", "the row")) from None
    return _id(fields.get("id", line.number)), fields


def read_row(line: Line, stage: Stage | None) -> Row:
    """The row of a line; `stage` is for rows that name none."""
    row_id, fields = fields_of(line)
    try:
        return Row(row_id, tuple(_subjects(fields, stage)))
    except InputError as error:
        raise RowError(error.message, row_id=row_id) from None


def _id(value: object) -> Id:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise RowError("id: must be a string or a whole number")


def _subjects(fields: dict[str, object], default: Stage | None) -> Iterator[Subject]:
    origin = _choice(fields, "origin", Origin)
    stage = _choice(fields, "stage", Stage) or default
    if ("text" in fields) == ("messages" in fields):
        raise InputError("a row has either 'text' or 'messages'")
    if "text" in fields:
        text = fields["text"]
        if not isinstance(text, str):
            raise InputError("text: must be a string")
        yield Subject(message_of_text(text, origin, stage), stage, Trace())
        return
    yield from _conversation(fields["messages"], origin, stage)


def _conversation(
    messages: object, origin: Origin | None, stage: Stage | None
) -> Iterator[Subject]:
    """Each message that is not the operator's own; `origin` and `stage` are of the last one."""
    if not isinstance(messages, list) or not messages:
        raise InputError("messages: must be a non-empty array")
    said: list[Message] = []
    subjects: list[Subject] = []
    for index, fields in enumerate(messages):
        message = message_from_openai(fields, f"messages[{index}]")
        is_last = index == len(messages) - 1
        if is_last and origin:
            message = Message.of(
                message.role,
                message.parts,
                origin=origin,
                name=message.name,
                tool_call_id=message.tool_call_id,
            )
        is_named = is_last and stage is not None
        if message.origin is not Origin.OPERATOR or is_named:
            trace = Trace(tuple(said))
            subjects.append(Subject(message, stage if is_last else None, trace, index))
        said.append(message)
    if not subjects:
        raise InputError("messages: only the operator's own, of which none is judged")
    yield from subjects


_ROLES = {
    Origin.OPERATOR: Role.SYSTEM,
    Origin.USER: Role.USER,
    Origin.MODEL: Role.ASSISTANT,
    Origin.TOOL: Role.TOOL,
    Origin.MEMORY: Role.USER,
    Origin.RETRIEVAL: Role.USER,
}

_ORIGINS = {
    None: Origin.USER,
    Stage.INPUT: Origin.USER,
    Stage.OUTPUT: Origin.MODEL,
    Stage.TOOL_CALL: Origin.MODEL,
    Stage.TOOL_RESULT: Origin.TOOL,
    Stage.DOCUMENT: Origin.RETRIEVAL,
}


def message_of_text(text: str, origin: Origin | None, stage: Stage | None) -> Message:
    """The message that a bare text is, by its origin or else by its stage."""
    who = origin or _ORIGINS[stage]
    if stage is Stage.TOOL_CALL:
        return Message.of(Role.ASSISTANT, [ToolCall("", "", text)], origin=who)
    return Message.of(_ROLES[who], text, origin=who)


def _choice(fields: dict[str, object], key: str, kind: type[E]) -> E | None:
    value = fields.get(key)
    if value is None:
        return None
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InputError(f"{key}: unknown; known: {known}") from None
