"""Misspelt words, spelt as they are meant.

They are where a text is typed in haste, and where a word of attacks stands with a slip in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, counts_in, members, runs_of
from tyrian.text.spelling.attack_words import REAL, SPELT_RIGHT, misspelt, proving
from tyrian.text.spelling.channel import is_cut
from tyrian.text.spelling.decoder import Word, decoded
from tyrian.text.spelling.lexicon import lexicon
from tyrian.text.spelling.sloppy import is_sloppy
from tyrian.text.words import STRONG

_MOST, _AROUND = 4096, 8
"""Words of a hasty text that are read anew, from its beginning, and those around a word of attacks
with a slip, wherever it stands."""
_IS_CODE = members("%&#=/\\_@+<>" + digits)
"""What stands beside a word that is part of some code, not misspelt."""
_BLANK = np.full(1, 0x20, dtype=np.uint8)
_IS_UPPER = members(ascii_uppercase)
_IS_LOWER = members(ascii_lowercase)


def is_misspelt(source: Source) -> bool:
    """Whether there is something to put right."""
    return _is_proven(_found(source)) or _is_hasty(source)


def respelt_pieces(source: Source) -> Pieces:
    """Misspelt words as they are meant, where a word of attacks is among them or many are."""
    found, is_hasty = _found(source), _is_hasty(source)
    if not is_hasty and not _is_proven(found):
        return NONE
    starts, ends = source.word_places()
    typed = _words(source, starts, ends)
    changed = [
        (first + one.start, first + one.end - 1, one.words)
        for first, last in _stretches(source.words, found, _MOST if is_hasty else 0)
        for one in decoded(typed[first:last], found)
    ]
    places = np.array([place for *place, _ in changed], dtype=np.intp).reshape(-1, 2)
    starts, ends = starts[places[:, 0]], ends[places[:, 1]]
    text = source.raw.decode("latin-1")
    spans = zip(starts.tolist(), ends.tolist(), changed, strict=True)
    return Pieces.of_texts(
        starts, ends, [_in_case_of(text[a:b], " ".join(words)) for a, b, (*_, words) in spans]
    )


def _stretches(
    words: Sequence[str], found: Mapping[str, str], first: int
) -> Iterator[tuple[int, int]]:
    """The first words, and those around each that was found."""
    is_near = np.zeros(len(words), dtype=np.bool_)
    is_near[:first] = True
    for at, word in enumerate(words):
        if word in found:
            is_near[max(0, at - _AROUND) : at + _AROUND + 1] = True
    starts, ends = runs_of(is_near)
    yield from zip(starts.tolist(), ends.tolist(), strict=True)


def _found(source: Source) -> dict[str, str]:
    """Words that may be misspelt ones of attacks, and what they stand for."""
    found, known = misspelt(source.vocabulary), lexicon().known
    return {word: meant for word, meant in found.items() if word not in known or meant in STRONG}


def _is_proven(found: Mapping[str, str]) -> bool:
    return not proving().isdisjoint(found.values())


def _is_hasty(source: Source) -> bool:
    odd = source.vocabulary - SPELT_RIGHT - REAL - lexicon().known
    if source.text[-1:].isalpha() and is_cut(source.words[-1]):
        odd -= {source.words[-1]}
    return is_sloppy(odd, source.words)


def _words(source: Source, starts: Index, ends: Index) -> list[Word]:
    """The words of the text, which stand at these places."""
    framed = np.concatenate((_BLANK, source.data, _BLANK))
    is_fixed = _IS_CODE[framed[starts]] | _IS_CODE[framed[ends + 1]]
    is_fixed |= _has_humps(source.data, starts, ends)
    is_joined = np.zeros(len(starts), dtype=np.bool_)
    is_joined[:-1] = (ends[:-1] + 1 == starts[1:]) & (source.data[ends[:-1]] == _BLANK[0])
    return [
        Word(word, fixed or not word.isascii(), joined)
        for word, fixed, joined in zip(
            source.words, is_fixed.tolist(), is_joined.tolist(), strict=True
        )
    ]


def _has_humps(data: Bytes, starts: Index, ends: Index) -> Bools:
    """Words with a capital after a small letter: names in programs."""
    is_hump = np.zeros(len(data), dtype=np.bool_)
    is_hump[1:] = _IS_UPPER[data[1:]] & _IS_LOWER[data[:-1]]
    found: Bools = counts_in(is_hump, starts, ends) > 0
    return found


def _in_case_of(word: str, meant: str) -> str:
    """What is meant, with the capitals of the misspelt word."""
    if word.isupper() and len(word) > 1:
        return meant.upper()
    return meant[:1].upper() + meant[1:] if word[:1].isupper() else meant
