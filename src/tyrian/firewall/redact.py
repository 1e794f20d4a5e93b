"""Redaction: marked spans of a message are replaced, across text and tool-call arguments."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tyrian.core.detection import Finding
from tyrian.core.message import SEGMENT_GAP, ImagePart, Message, ToolCall
from tyrian.errors import TyrianError
from tyrian.firewall.pseudonym import Pseudonyms

MASK = "****"


class RedactStyle(StrEnum):
    """What stands in place of a redacted value."""

    LABEL = "label"
    """`[REDACTED:email]`"""
    MASK = "mask"
    """`****`"""
    PSEUDONYM = "pseudonym"
    """`<EMAIL_1>`, the same for the same value, reversible by `Pseudonyms`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of `Message.text` that must not go on, and what takes its place."""

    start: int
    end: int
    label: str
    style: RedactStyle = RedactStyle.LABEL
    note: str = ""
    """Stands beside the label, for people."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`text[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: str


class CannotRedactError(TyrianError):
    """The marks cannot be replaced without breaking the message; it must not go on."""


def merge_marks(marks: Iterable[Mark]) -> list[Mark]:
    """Marks in order, overlapping ones made one with the label and style of the longest."""
    merged: list[Mark] = []
    longest = 0
    for mark in sorted(marks, key=lambda m: (m.start, -m.end, m.label, m.style, m.note)):
        if merged and mark.start < merged[-1].end:
            last = merged[-1]
            length = mark.end - mark.start
            shown = last
            if length > longest:
                shown, longest = mark, length
            end = max(last.end, mark.end)
            merged[-1] = Mark(last.start, end, shown.label, shown.style, shown.note)
        elif mark.end > mark.start:
            merged.append(mark)
            longest = mark.end - mark.start
    return merged


def edits_of(text: str, marks: Iterable[Mark], pseudonyms: Pseudonyms) -> list[Edit]:
    """The replacements that the marks ask for in a plain text."""
    return [
        Edit(m.start, m.end, _replacement(m, text[m.start : m.end], pseudonyms))
        for m in merge_marks(marks)
    ]


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with its edits made; they are in order and do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += (text[at : edit.start], edit.replacement)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def redact(
    message: Message,
    spans: Iterable[Finding | Mark],
    style: RedactStyle = RedactStyle.LABEL,
    pseudonyms: Pseudonyms | None = None,
) -> Message:
    """The message with every span replaced; CannotRedactError where that would break it.

    `style` holds for findings; marks bring their own. Tool-call arguments stay valid JSON.
    """
    known = pseudonyms if pseudonyms is not None else Pseudonyms()
    marks = [
        span if isinstance(span, Mark) else Mark(span.start, span.end, span.label, style)
        for span in spans
    ]
    known.reserve(*message.segments)
    merged = merge_marks(marks)
    segments: list[str] = []
    offset = 0
    for part in message.parts:
        if isinstance(part, ImagePart):
            continue
        is_call = isinstance(part, ToolCall)
        segment = part.arguments if isinstance(part, ToolCall) else part.text
        inside = _clip(merged, offset, offset + len(segment))
        segments.append(_redact_segment(segment, inside, known, is_json=is_call))
        offset += len(segment) + len(SEGMENT_GAP)
    changed = message.with_segments(segments)
    if changed == message:
        raise CannotRedactError("there is nothing to redact at the places found")
    return changed


def _clip(marks: list[Mark], start: int, end: int) -> list[Mark]:
    return [
        Mark(max(m.start, start) - start, min(m.end, end) - start, m.label, m.style, m.note)
        for m in marks
        if m.start < end and m.end > start
    ]


def _redact_segment(segment: str, marks: list[Mark], known: Pseudonyms, *, is_json: bool) -> str:
    if not marks:
        return segment
    if not is_json:
        return apply_edits(segment, edits_of(segment, marks, known))
    whole = [Mark(_before_escape(segment, m.start), m.end, m.label, m.style, m.note) for m in marks]
    edits = [
        Edit(m.start, m.end, _replacement(m, _unescaped(segment[m.start : m.end]), known))
        for m in merge_marks(whole)
    ]
    redacted = apply_edits(segment, edits)
    try:
        json.loads(redacted)
    except (ValueError, RecursionError):
        raise CannotRedactError(
            "tool-call arguments would no longer be JSON once redacted"
        ) from None
    return redacted


def _before_escape(text: str, start: int) -> int:
    """`start`, moved before the backslash that escapes the character there."""
    head = text[:start]
    return start - (len(head) - len(head.rstrip("\\"))) % 2


def _unescaped(piece: str) -> str:
    try:
        value = json.loads(f'"{piece}"')
    except ValueError:
        return piece
    return value if isinstance(value, str) else piece


def _replacement(mark: Mark, value: str, known: Pseudonyms) -> str:
    match mark.style:
        case RedactStyle.MASK:
            return MASK
        case RedactStyle.PSEUDONYM:
            return known.token(mark.label, value)
        case RedactStyle.LABEL:
            note = f" ({_UNSAFE_NOTE.sub(' ', mark.note)})" if mark.note else ""
            return f"[REDACTED:{_UNSAFE.sub('_', mark.label)}{note}]"


_UNSAFE = re.compile(r"[^\w.:-]")
_UNSAFE_NOTE = re.compile(r"[^\w.,:;=*/()' -]")
"""Labels are configuration, but nothing of them may end a JSON string."""
