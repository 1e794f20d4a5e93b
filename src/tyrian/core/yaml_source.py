"""YAML text to plain data, with the place of every key and value.

Only the plain core of YAML 1.2 is read: no aliases, no tags, one document, no duplicate keys. So a
file always means what it shows, and a small one can never grow into a large one.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from tyrian.errors import FileError

Fault = TypeVar("Fault", bound=FileError)
"""The error that the kind of file raises."""

KeyPath = tuple[str | int, ...]
"""Where a value stands in the data: keys and indices from the top."""

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

MAX_DEPTH = 32

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,4})?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source(Generic[Fault]):
    """The data of a file and where each part of it stands."""

    file: str
    data: dict[str, Plain]
    fault: type[Fault]
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """The place of the value (or key) at a path, or of the nearest one above that exists."""
        for length in range(len(path), 0, -1):
            part = path[:length]
            found = (self.keys if of_key else self.values).get(part) or self.keys.get(part)
            if found:
                return found
        return self.values.get((), Place(1, 1))

    def error(
        self, message: str, path: KeyPath = (), *, hint: str = "", of_key: bool = False
    ) -> Fault:
        """An error at that path."""
        at = self.place(path, of_key=of_key)
        return self.fault(message, file=self.file, line=at.line, column=at.column, hint=hint)


def read_yaml(text: str, file: str, fault: type[Fault], *, kind: str, start: str) -> Source[Fault]:
    """Read YAML text whose top is a mapping; raises `fault` where it is not what it must be.

    `kind` names such a file ("stack"), `start` is the hint for one that has nothing in it.
    """
    reader = _Reader(file, fault, kind)
    try:
        data = reader.document(iter(YAML(typ="safe", pure=True).parse(text)))
    except YAMLError as error:
        raise _syntax_error(error, text, file, fault) from None
    if data is None:
        raise fault("the file is empty", file=file, line=1, column=1, hint=start)
    if not isinstance(data, dict):
        raise reader.error_at(reader.values[()], "the file must be a mapping of keys", start)
    return Source(file, data, fault, reader.values, reader.keys)


class _Reader(Generic[Fault]):
    """Builds data from parser events; every fault has its place."""

    def __init__(self, file: str, fault: type[Fault], kind: str) -> None:
        self.file = file
        self.fault = fault
        self.kind = kind
        self.values: dict[KeyPath, Place] = {}
        self.keys: dict[KeyPath, Place] = {}

    def error_at(self, place: Place, message: str, hint: str = "") -> Fault:
        return self.fault(message, file=self.file, line=place.line, column=place.column, hint=hint)

    def document(self, events: Iterator[Event]) -> Plain:
        data: Plain = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    hint = f"keep one {self.kind} in one file and remove the '---' line"
                    raise self.error_at(_place(event), "a second document in the file", hint)
                data = self.node(next(events), events, ())
        return data

    def node(self, event: Event, events: Iterator[Event], path: KeyPath) -> Plain:
        place = _place(event)
        self.values[path] = place
        if isinstance(event, AliasEvent):
            raise self.error_at(place, "aliases are not allowed here", "write the value out")
        if getattr(event, "tag", None):
            raise self.error_at(place, "tags ('!...') are not allowed here", "remove the tag")
        if getattr(event, "anchor", None):
            raise self.error_at(place, "anchors ('&...') are not allowed here", "write values out")
        if len(path) >= MAX_DEPTH:
            raise self.error_at(place, f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, MappingStartEvent):
            return self.mapping(events, path)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(events, path)
        if not isinstance(event, ScalarEvent):
            raise self.error_at(place, "unexpected content")
        return self.scalar(event, place)

    def mapping(self, events: Iterator[Event], path: KeyPath) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            place = _place(event)
            if not isinstance(event, ScalarEvent) or event.tag or event.anchor:
                raise self.error_at(place, "a key must be plain text", "quote it if needed")
            key = str(event.value)
            if key in found:
                first = self.keys[(*path, key)].line
                hint = f"it stands on line {first} already; keep one of them"
                raise self.error_at(place, f"duplicate key {_shown(key)}", hint)
            self.keys[(*path, key)] = place
            found[key] = self.node(next(events), events, (*path, key))
        return found

    def sequence(self, events: Iterator[Event], path: KeyPath) -> list[Plain]:
        found: list[Plain] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            found.append(self.node(event, events, (*path, len(found))))
        return found

    def scalar(self, event: ScalarEvent, place: Place) -> Plain:
        text = str(event.value)
        if event.style:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text) and math.isfinite(float(text)):
            return float(text)
        if _NOT_FINITE.match(text) or _FLOAT.match(text):
            raise self.error_at(place, "not a finite number", "write a number, such as 0.5")
        return text


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _shown(key: str) -> str:
    return repr(key if len(key) <= 60 else key[:57] + "...")


def _syntax_error(error: YAMLError, text: str, file: str, fault: type[Fault]) -> Fault:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
        problem = (error.problem or "syntax error").strip()
    else:
        position = min(getattr(error, "position", 0) or 0, len(text))
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        problem = "a control character that YAML does not allow"
    if "'\\t'" in problem:
        return fault(
            "a tab where YAML allows only spaces",
            file=file,
            line=line,
            column=column,
            hint="indent with spaces",
        )
    hint = "look for a missing quote, colon or space on this line or the one above"
    return fault(f"not valid YAML: {problem}", file=file, line=line, column=column, hint=hint)
