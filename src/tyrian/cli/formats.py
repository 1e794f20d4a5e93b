"""How results are written: JSON lines, one JSON array, text, or SARIF; each in constant memory."""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

import msgspec

import tyrian
from tyrian.cli.result import Json, Result
from tyrian.core.decision import Effect

_encode = msgspec.json.Encoder().encode


class Format(StrEnum):
    """How the results are written."""

    JSONL = "jsonl"
    JSON = "json"
    TEXT = "text"
    SARIF = "sarif"


class Writer(Protocol):
    """Turns results into bytes, piece by piece."""

    def begin(self) -> bytes:
        """What stands before the first result."""

    def rows(self, results: Iterable[Result]) -> bytes:
        """These results, which follow on those before."""

    def end(self) -> bytes:
        """What stands behind the last result."""


class JsonlWriter:
    """One JSON object a line."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, results: Iterable[Result]) -> bytes:
        """A line for each result."""
        return b"".join(_encode(result.row) + b"\n" for result in results)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class JsonWriter:
    """One JSON array."""

    def __init__(self) -> None:
        self._gap = b"\n"

    def begin(self) -> bytes:
        """The opening bracket."""
        return b"["

    def rows(self, results: Iterable[Result]) -> bytes:
        """The results, each on a line of its own."""
        out = bytearray()
        for result in results:
            out += self._gap + _encode(result.row)
            self._gap = b",\n"
        return bytes(out)

    def end(self) -> bytes:
        """The closing bracket."""
        return b"\n]\n"


class TextWriter:
    """A line for each result, for people."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, results: Iterable[Result]) -> bytes:
        """Effect, id and the rules behind the effect."""
        return "".join(_text_line(result) for result in results).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _text_line(result: Result) -> str:
    name = printable(str(result.row["id"]) if result.row["id"] is not None else "-")
    if result.error:
        return f"error   line {result.line} ({name}): {printable(result.error)}\n"
    told = "; ".join(f"{reason['rule']} {reason['score']:.2f}" for reason in reasons_of(result))
    return f"{result.effect!s:<7} {name}" + (f": {printable(told)}" if told else "") + "\n"


def printable(text: str, limit: int = 200) -> str:
    """Text without control characters, so that a row cannot write to the terminal."""
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)


def reasons_of(result: Result) -> list[Json]:
    """The reasons of a result, greatest first."""
    reasons = result.row.get("reasons", [])
    return reasons if isinstance(reasons, list) else []


_LEVELS = {"block": "error", "review": "warning", "redact": "warning", "flag": "note"}


class SarifWriter:
    """SARIF 2.1.0: a result for each reason, at the line of its row."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._gap = b"\n"
        self._rules: dict[str, int] = {}
        self._errors: list[Json] = []

    def begin(self) -> bytes:
        """The head, up to the list of results."""
        return (
            b'{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", '
            b'"runs": [{"columnKind": "unicodeCodePoints", "results": ['
        )

    def rows(self, results: Iterable[Result]) -> bytes:
        """The reasons of these results."""
        out = bytearray()
        for result in results:
            if result.error and len(self._errors) < 1000:
                self._errors.append(self._notification(result))
            for reason in reasons_of(result):
                out += self._gap + _encode(self._result(result, reason))
                self._gap = b",\n"
        return bytes(out)

    def end(self) -> bytes:
        """The tool with its rules, and what could not be judged."""
        rules = [
            {"id": rule, "name": rule, "shortDescription": {"text": f"Rule {rule} of a guard."}}
            for rule in self._rules
        ]
        driver = {
            "name": "Tyrian",
            "semanticVersion": tyrian.__version__,
            "rules": rules,
        }
        invocation: Json = {
            "executionSuccessful": not self._errors,
            "toolExecutionNotifications": self._errors,
        }
        tail = json.dumps({"tool": {"driver": driver}, "invocations": [invocation]})
        return b"\n], " + tail[1:].encode() + b"]}\n"

    def _result(self, result: Result, reason: Json) -> Json:
        rule = str(reason["rule"])
        index = self._rules.setdefault(rule, len(self._rules))
        return {
            "ruleId": rule,
            "ruleIndex": index,
            "level": _LEVELS.get(str(reason["effect"]), "none"),
            "message": {"text": f"{reason['effect']}: {reason['message']}"},
            "locations": [self._location(result)],
            "properties": {"id": result.row["id"], "score": reason["score"]},
        }

    def _notification(self, result: Result) -> Json:
        return {
            "level": "error",
            "message": {"text": result.error},
            "locations": [self._location(result)],
        }

    def _location(self, result: Result) -> Json:
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": self._uri},
                "region": {"startLine": result.line},
            }
        }


def writer(kind: Format, uri: str) -> Writer:
    """The writer of a format; `uri` names the input in SARIF."""
    match kind:
        case Format.JSONL:
            return JsonlWriter()
        case Format.JSON:
            return JsonWriter()
        case Format.TEXT:
            return TextWriter()
        case Format.SARIF:
            return SarifWriter(uri)


class Tally:
    """Counts results, for the last line and the exit code."""

    def __init__(self) -> None:
        self.effects: dict[str, int] = {}
        self.errors = 0
        self.partial = 0

    def add(self, result: Result) -> None:
        """Count one result."""
        self.partial += result.is_partial
        if result.error:
            self.errors += 1
        else:
            self.count(result.effect)

    def count(self, effect: Effect) -> None:
        """Count one effect."""
        self.effects[str(effect)] = self.effects.get(str(effect), 0) + 1

    @property
    def total(self) -> int:
        """All rows counted."""
        return self.errors + sum(self.effects.values())

    @property
    def has_found(self) -> bool:
        """Some row is not simply allowed."""
        return any(effect != "allow" for effect in self.effects)

    def summary(self) -> str:
        """One line for people."""
        order = [str(effect) for effect in reversed(Effect)]
        parts = [f"{self.effects[name]} {name}" for name in order if name in self.effects]
        if self.errors:
            parts.append(f"{self.errors} could not be read or judged")
        if self.partial:
            parts.append(f"a guard failed in {self.partial}")
        rows = f"{self.total} row{'s' * (self.total != 1)}"
        return f"{rows}: {', '.join(parts)}" if parts else rows
