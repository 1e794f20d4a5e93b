"""Windows of tokens over a text of any length, made while they are judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.models.transformer.tokens import Tokenizer, Tokens

STRETCH = 4_096
"""Characters tokenised at once, so that memory and the longest step stay bounded."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window: its token ids with special ones, and its place in the text (characters)."""

    ids: tuple[int, ...]
    start: int
    end: int


def windows(tokenizer: Tokenizer, text: str, size: int, overlap: int) -> Iterator[Window]:
    """Windows of at most `size` tokens over the whole text, neighbours sharing `overlap` tokens.

    `size` counts the special tokens, `overlap` does not. The last window is moved back rather than
    cut short. An empty text has one empty window. Takes time and memory linear in the text.
    """
    room = size - tokenizer.framing
    if not 0 <= overlap < room:
        raise ValueError(f"overlap {overlap} must be at least 0 and less than {room}")
    at, length = 0, STRETCH
    while True:
        piece = text[at : at + length]
        is_last = at + len(piece) >= len(text)
        tokens = tokenizer.encode(piece)
        if not is_last and len(tokens) < 2 * room:
            length *= 2  # runs of blanks and the like: few tokens to many characters
            continue
        cuts = _cuts(len(tokens), room, overlap, is_last=is_last)
        for first, last in cuts:
            yield _window(tokenizer, tokens, first, last, at)
        if is_last:
            return
        following = cuts[-1][1] - overlap
        at += max(1, tokens.starts[following] if following < len(tokens) else len(piece))
        length = STRETCH


def _cuts(count: int, room: int, overlap: int, *, is_last: bool) -> list[tuple[int, int]]:
    """Half-open cuts; of a stretch that goes on, only those that are full."""
    step = room - overlap
    if count <= room:
        return [(0, count)]
    starts = list(range(0, count - room + 1, step))
    if is_last and starts[-1] + room < count:
        starts.append(count - room)
    return [(start, start + room) for start in starts]


def _window(tokenizer: Tokenizer, tokens: Tokens, first: int, last: int, at: int) -> Window:
    ids = tokenizer.framed(tokens.ids[first:last])
    if first == last:
        return Window(ids, at, at)
    return Window(ids, at + tokens.starts[first], at + max(tokens.ends[first:last]))
