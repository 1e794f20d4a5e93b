"""Letters that stand on their head, and letters with accents that nobody writes there."""

import re
import unicodedata
from functools import cache
from string import ascii_letters

import numpy as np
import numpy.typing as npt
from ahocorasick_rs import BytesAhoCorasick

from tyrian.text.offsets import BACKWARD, Codes, Index, text_of
from tyrian.text.rewrite import COARSE, NONE, Pieces
from tyrian.text.source import OTHER, Source, as_rows, counts_in, runs_of, spread_out
from tyrian.text.words import COMMON, STRONG, is_evidence

_TURNED = dict(zip(
    "ɐqɔpǝɟƃɥᴉıɾʞlɯuodbɹsʇnʌʍxʎz∀ᗺƆᗡƎℲפ⅁ſ˥WԀᴚ┴⊥∩Λ⅄‾¡¿˙",
    "abcdefghiijklmnopqrstuvwxyzABCDEFGGJLMPRTTUVY_!?.",
    strict=True,
))  # fmt: skip
_SIGNS = "ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀Ⅎ⅄˙"
_ANY_SIGN = re.compile(f"[{_SIGNS}]")
_LEAST_SIGNS = 3
_LEAST_KNOWN = 4
_TABLE_SIZE = 0x2600


@cache
def _turned_table() -> Codes:
    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    for sign, letter in _TURNED.items():
        table[ord(sign)] = ord(letter)
    return table


@cache
def _sign_table() -> npt.NDArray[np.bool_]:
    table = np.zeros(_TABLE_SIZE, dtype=np.bool_)
    table[[ord(c) for c in _SIGNS]] = True
    return table


@cache
def _common_finders() -> tuple[BytesAhoCorasick, BytesAhoCorasick]:
    """Common words between spaces, forward and backward."""
    words = sorted(COMMON)
    return (
        BytesAhoCorasick([f" {word} ".encode() for word in words]),
        BytesAhoCorasick([f" {word[::-1]} ".encode() for word in words]),
    )


def has_turned(text: str) -> bool:
    """True where a text has letters that only upside-down writing has."""
    return not text.isascii() and _ANY_SIGN.search(text) is not None


def turned_pieces(source: Source) -> Pieces:
    """Lines of upside-down text; most are read from the right, some from the left."""
    codes = source.codes
    is_sign = _sign_table()[np.minimum(codes, _TABLE_SIZE - 1)]
    if int(is_sign.sum()) < _LEAST_SIGNS:
        return NONE
    starts, ends = runs_of(codes != 0x0A)
    kept = counts_in(is_sign, starts, ends) >= _LEAST_SIGNS
    starts, ends = starts[kept], ends[kept]
    if not len(starts):
        return NONE
    turned = np.where(codes < _TABLE_SIZE, _turned_table()[codes % _TABLE_SIZE], codes)
    spaced = Source(text_of(turned)).spaced
    left, right = (_known(finder, spaced, starts, ends) for finder in _common_finders())
    good = np.maximum(left, right) >= _LEAST_KNOWN
    starts, ends, is_right = starts[good], ends[good], (right >= left)[good]
    sizes = ends - starts
    forward = spread_out(starts, sizes)
    backward = np.repeat(starts + ends - 1, sizes) - forward
    at = np.where(np.repeat(is_right, sizes), backward, forward)
    return Pieces(starts, ends, sizes, turned[at], np.where(is_right, BACKWARD, 1))


def _known(finder: BytesAhoCorasick, spaced: bytes, starts: Index, ends: Index) -> Index:
    """Letters in common words on each line."""
    letters = np.zeros(len(spaced), dtype=np.intp)
    matches = finder.find_matches_as_indexes(spaced, overlapping=True)
    if matches:
        found = as_rows(matches)
        letters[found[:, 1]] = found[:, 2] - found[:, 1] - 2
    return counts_in(letters, starts, ends)


_ACCENTED_BLOCKS = ((0xC0, 0x24F), (0x1E00, 0x1EFF))
_BARE = {
    "ı": "i", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ß": "ss", "æ": "ae",
    "œ": "oe", "Ø": "O", "Đ": "D", "Ł": "L", "Ħ": "H", "Ŧ": "T", "ẞ": "SS", "ƀ": "b", "ɨ": "i",
}  # fmt: skip
_BARE_SIZE = 0x1F00


@cache
def _bare_table() -> tuple[Codes, Codes, npt.NDArray[np.uint8]]:
    """First and second bare letter of each accented one, and how many it has; 0: none."""
    first = np.arange(_BARE_SIZE, dtype=np.uint32)
    second = np.zeros(_BARE_SIZE, dtype=np.uint32)
    sizes = np.zeros(_BARE_SIZE, dtype=np.uint8)
    for low, high in _ACCENTED_BLOCKS:
        for code in range(low, high + 1):
            char = chr(code)
            bare = _BARE.get(char) or unicodedata.normalize("NFD", char)[0]
            if bare != char:
                first[code], sizes[code] = ord(bare[0]), len(bare)
                second[code] = ord(bare[-1])
    return first, second, sizes


_LEAST_ACCENTS = 12
_DENSE = 0.45
"""Share of letters with accents that no language has: Vietnamese reaches a third."""


def _letters(small: Codes) -> int:
    """How many letters there are, bare or accented."""
    return int(_in_accented_words()[small].sum())


@cache
def _in_accented_words() -> npt.NDArray[np.bool_]:
    table = np.zeros(_BARE_SIZE, dtype=np.bool_)
    table[[ord(c) for c in ascii_letters]] = True
    for low, high in _ACCENTED_BLOCKS:
        table[low : high + 1] = True
    return table


_ACCENTED = "".join(f"{chr(low)}-{chr(high)}" for low, high in _ACCENTED_BLOCKS)
_NO_LETTER = bytes((0x20, OTHER))
_WITH_ACCENTS = re.compile(f"[a-zA-Z{_ACCENTED}]*[{_ACCENTED}][a-zA-Z{_ACCENTED}]*")


@cache
def _bare_letters() -> dict[int, str]:
    first, second, sizes = (column.tolist() for column in _bare_table())
    return {
        code: chr(first[code]) + (chr(second[code]) if size == 2 else "")
        for code, size in enumerate(sizes)
        if size
    }


def may_be_unaccented(source: Source) -> bool:
    """True where many letters have accents, or words are known without theirs."""
    if source.is_ascii:
        return False
    words = _WITH_ACCENTS.findall(source.text)
    if not words:
        return False
    joined = " ".join(words)
    accents = len(joined) - len(joined.encode("ascii", "ignore"))
    bare_letters = len(source.spaced.translate(None, _NO_LETTER))
    if accents >= max(_LEAST_ACCENTS, _DENSE * (bare_letters + accents)):
        return True
    bare = joined.translate(_bare_letters()).lower().split()
    return not COMMON.isdisjoint(bare)


def unaccented_pieces(source: Source) -> Pieces:
    """Accented letters bared, where most are accented or that makes common words of none."""
    first, second, widths = _bare_table()
    small = np.where(source.codes < _BARE_SIZE, source.codes, 0)
    size = widths[small].astype(np.intp)
    at = np.flatnonzero(size)
    if not len(at):
        return NONE
    sizes = size[at]
    codes = np.repeat(first[small[at]], sizes)
    codes[np.cumsum(sizes)[sizes == 2] - 1] = second[small[at[sizes == 2]]]
    pieces = Pieces(at, at + 1, sizes, codes, np.where(sizes == 1, 1, COARSE))
    if len(at) >= _LEAST_ACCENTS and len(at) >= _DENSE * _letters(small):
        return pieces
    gained = _words_with_accents(small, size) & COMMON
    if not gained:
        return NONE
    gained -= source.vocabulary
    return NONE if STRONG.isdisjoint(gained) and not is_evidence(gained) else pieces


def _words_with_accents(small: Codes, size: Index) -> set[str]:
    """The words that have accented letters, without these accents, in small letters."""
    first, second, _ = _bare_table()
    starts, ends = runs_of(_in_accented_words()[small])
    kept = counts_in(size > 0, starts, ends) > 0
    starts, ends = starts[kept], ends[kept]
    # One more place behind each word for the space.
    at = np.append(spread_out(starts, ends - starts + 1), 0)[:-1]
    at = np.minimum(at, len(small) - 1)
    is_end = np.zeros(len(at), dtype=np.bool_)
    is_end[np.cumsum(ends - starts + 1) - 1] = True
    repeats = np.where(is_end, 1, np.maximum(size[at], 1))
    made = np.repeat(np.where(is_end, np.uint32(0x20), first[small[at]]), repeats)
    doubled = (repeats == 2) & ~is_end
    made[(np.cumsum(repeats) - 1)[doubled]] = second[small[at[doubled]]]
    return set(text_of(made).lower().split())
