"""The whitespace defence of Prompt Guard, by places instead of by searching for tokens.

Meta's client takes all blanks out of a text, tokenises what is left, and puts a blank back only
where one stood before a token. It finds the tokens by searching for their spelling, which fails as
soon as the tokenizer has changed a character (NFKC, NFC), and then judges the text as it was. Here
the tokenizer's own places are used, and no character is ever searched for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tyrian.models.transformer.tokens import Tokenizer

_STRETCH = 4_096
_BLOCK = 64
_LEAST_TOKENS = 8
_JOINED_SHARE = 0.75
"""A block is spread where its tokens are at most this share once its blanks are out."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A text with its needless blanks taken out; `places[i]` is where character `i` stood."""

    text: str
    places: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` stands in the text as it was."""
        if end <= start or not self.places:
            at = self.places[start] if start < len(self.places) else 0
            return at, at
        return self.places[start], self.places[end - 1] + 1


def joined(tokenizer: Tokenizer, text: str) -> Joined | None:
    """The text with spread words put together; None where no part of it is spread.

    A part is spread where the tokenizer needs clearly fewer tokens once the blanks are out:
    ordinary words do not become fewer, letters with blanks between them do.
    """
    made: list[str] = []
    places: list[int] = []
    is_spread = False
    for start, end in _stretches(text):
        piece = text[start:end]
        inked = [i for i, char in enumerate(piece) if not char.isspace()]
        if len(inked) == len(piece):
            made.append(piece)
            places.extend(range(start, end))
            continue
        firsts = tokenizer.encode("".join([piece[i] for i in inked])).starts
        is_spread = is_spread or _is_spread(tokenizer, piece, inked, firsts)
        boundaries = set(firsts)
        for number, i in enumerate(inked):
            if number in boundaries and i and piece[i - 1].isspace():
                made.append(" ")
                places.append(start + i - 1)
            made.append(piece[i])
            places.append(start + i)
    if not is_spread:
        return None
    found = "".join(made)
    return None if found == " ".join(text.split()) else Joined(found, places)


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    edges = [*range(0, len(text), _STRETCH), len(text)]
    yield from pairwise(edges)


def _is_spread(tokenizer: Tokenizer, piece: str, inked: list[int], firsts: list[int]) -> bool:
    blocks = len(piece) // _BLOCK + 1
    before, after = [0] * blocks, [0] * blocks
    for start in tokenizer.encode(piece).starts:
        before[min(start, len(piece) - 1) // _BLOCK] += 1
    for start in firsts:
        after[inked[min(start, len(inked) - 1)] // _BLOCK] += 1
    return any(
        b >= _LEAST_TOKENS and a <= _JOINED_SHARE * b for b, a in zip(before, after, strict=True)
    )
