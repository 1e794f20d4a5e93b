"""Fits a conversation into the context of a model: windows over the last message, whole.

What was said before gives way first, the oldest before the newest. A last message that still does
not fit is judged window by window, and images in groups, each group with a window.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from tyrian.core.message import ImagePart
from tyrian.detectors.content_guard.conversation import Turn, with_images, with_judged

_CUT = "[...] "
_OVERLAP_SHARE = 8
_CONTEXT_SHARE = 4
"""A message that needs windows leaves a quarter of the room to what was said before."""
_LEAST_WINDOW = 16
_LONGEST_TOKEN = 16
"""Characters per token over which a text is not even tried whole."""
_SAMPLE = 20_000

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
) -> Iterator[Window]:
    """The windows over a last message of this text and these images, one by one.

    Images that the room has no place for are in no window.
    """
    most = room.images
    groups = [tuple(images[i : i + most]) for i in range(0, len(images), most)] if most else []

    def size(turns: Sequence[Turn]) -> int:
        return count(prompt(with_images(turns, 0)))

    kept = list(before)
    whole = with_judged(before, Turn(role, neutral(text[: room.tokens * _LONGEST_TOKEN])))
    if len(text) <= room.tokens * _LONGEST_TOKEN and size(whole) <= room.tokens:
        spans = iter([(0, len(text))])
    else:
        empty = size(with_judged((), Turn(role, "")))
        free = max(room.tokens - empty, _LEAST_WINDOW)
        need = _tokens_of(text, count)
        kept = _newest(before, max(free - need, free // _CONTEXT_SHARE), count)
        taken = size(with_judged(kept, Turn(role, ""))) if kept else empty
        spans = _spans(text, max(room.tokens - taken, _LEAST_WINDOW), need, count, neutral)
    left = iter(groups)
    last = (0, 0)
    for span, group in zip_longest(spans, left):
        last = start, end = span or last
        judged = Turn(role, neutral(text[start:end]), group or ())
        turns = tuple(with_images(with_judged(kept, judged), most))
        yield Window(turns, tuple(i for turn in turns for i in turn.images), start, end)


def _tokens_of(text: str, count: Count) -> int:
    """How many tokens a text has, counted in a sample of it where it is long."""
    sample = text[:_SAMPLE]
    return count(sample) * max(len(text), 1) // max(len(sample), 1)


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
) -> Iterator[tuple[int, int]]:
    """Windows with overlap that cover the text, each of at most `room` tokens."""
    per_token = len(text) / max(tokens, 1)
    size = max(int(room * per_token * 0.9), _LEAST_WINDOW)
    start = 0
    while True:
        end = min(start + size, len(text))
        while end - start > _LEAST_WINDOW and count(neutral(text[start:end])) > room:
            end = start + (end - start) * 3 // 4
        yield start, end
        if end >= len(text):
            return
        start = end - min((end - start) // _OVERLAP_SHARE, 2_000)
