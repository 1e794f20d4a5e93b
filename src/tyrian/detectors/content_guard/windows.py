"""Fits a conversation into the context of a model: windows over the last message, whole.

What was said before gives way first, the oldest before the newest. A last message that still does
not fit is judged window by window, and images in groups, each group with a window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tyrian.core.message import ImagePart
from tyrian.detectors.content_guard.conversation import Turn, with_images, with_judged

_CUT = "[...] "
_OVERLAP_SHARE = 8
_CONTEXT_SHARE = 4
"""A message that needs windows leaves a quarter of the room to what was said before."""
_LEAST_WINDOW = 16

Count = Callable[[str], int]
Prompt = Callable[[Sequence[Turn]], str]


@dataclass(frozen=True, slots=True)
class Window:
    """One prompt's worth: the conversation, and the part of the last message in it."""

    turns: tuple[Turn, ...]
    images: tuple[ImagePart, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Room:
    """What one prompt can hold."""

    tokens: int
    """Of text; images come on top."""
    images: int


def plan(
    text: str,
    images: Sequence[ImagePart],
    before: Sequence[Turn],
    role: str,
    *,
    room: Room,
    prompt: Prompt,
    count: Count,
    neutral: Callable[[str], str],
) -> list[Window]:
    """The windows over a last message of this text and these images.

    Images that the room has no place for are in no window.
    """
    most = room.images
    groups = [tuple(images[i : i + most]) for i in range(0, len(images), most)] if most else []

    def size(turns: Sequence[Turn]) -> int:
        return count(prompt(with_images(turns, 0)))

    whole = with_judged(before, Turn(role, neutral(text)))
    if size(whole) <= room.tokens:
        spans, kept = [(0, len(text))], list(before)
    else:
        empty = size(with_judged((), Turn(role, "")))
        free = max(room.tokens - empty, _LEAST_WINDOW)
        clean_tokens = count(neutral(text))
        for_context = free - clean_tokens
        if for_context < free // _CONTEXT_SHARE:
            for_context = free // _CONTEXT_SHARE
        kept = _newest(before, for_context, count)
        taken = size(with_judged(kept, Turn(role, ""))) if kept else empty
        spans = _spans(text, max(room.tokens - taken, _LEAST_WINDOW), clean_tokens, count, neutral)
    out = []
    for i in range(max(len(spans), len(groups), 1)):
        start, end = spans[min(i, len(spans) - 1)]
        group = groups[i] if i < len(groups) else ()
        judged = Turn(role, neutral(text[start:end]), group)
        turns = tuple(with_images(with_judged(kept, judged), most))
        shown = tuple(image for turn in turns for image in turn.images)
        out.append(Window(turns, shown, start, end))
    return out


def _newest(before: Sequence[Turn], room: int, count: Count) -> list[Turn]:
    """The last turns that fit, the oldest of them cut at its head."""
    kept: list[Turn] = []
    for turn in reversed(before):
        need = count(turn.text) + 4
        if need > room:
            share = max(room - 8, 0) / max(need, 1)
            keep = int(len(turn.text) * share * 0.8)
            tail = turn.text[len(turn.text) - keep :]
            if keep:
                kept.append(replace(turn, text=_CUT + tail))
            break
        room -= need
        kept.append(turn)
    return kept[::-1]


def _spans(
    text: str, room: int, tokens: int, count: Count, neutral: Callable[[str], str]
) -> list[tuple[int, int]]:
    """Windows with overlap that cover the text, each of at most `room` tokens."""
    per_token = len(text) / max(tokens, 1)
    size = max(int(room * per_token * 0.9), _LEAST_WINDOW)
    spans: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        while end - start > _LEAST_WINDOW and count(neutral(text[start:end])) > room:
            end = start + (end - start) * 3 // 4
        spans.append((start, end))
        if end >= len(text):
            break
        start = end - min((end - start) // _OVERLAP_SHARE, 2_000)
    return spans or [(0, 0)]
