"""Letters put for other letters, word by word: Caesar's shifts, Atbash, words turned round."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase, ascii_uppercase

import numpy as np
import numpy.typing as npt
from ahocorasick_rs import BytesAhoCorasick

from tyrian.text.alphabets import NATO, nato_pieces, pig_pieces, pig_word
from tyrian.text.natural import odd_lines
from tyrian.text.offsets import BACKWARD, Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Source, as_rows, runs_of, spread_out
from tyrian.text.words import COMMON, is_evidence, reversed_words

_REVERSED, _ATBASH, _PIG, _NATO = 0, 26, 27, 28
_LEAST_LETTERS = {13: 4, _ATBASH: 4}
_LEAST = 5
"""Shorter words turn up by chance among 26 ciphers."""
_ALPHABET = len(ascii_lowercase)


def _substituted(cipher: int) -> str:
    """What the cipher writes for a to z."""
    if cipher == _ATBASH:
        return ascii_lowercase[::-1]
    return ascii_lowercase[cipher:] + ascii_lowercase[:cipher]


@dataclass(frozen=True, slots=True, eq=False)
class _Vocabulary:
    """The common words as each cipher writes them."""

    all: frozenset[str]
    numbers: dict[str, int]
    words: tuple[str, ...]
    ciphers: tuple[int, ...]


@cache
def _disguised() -> _Vocabulary:
    owners: dict[str, int] = dict.fromkeys(sorted(reversed_words()), _REVERSED)
    for cipher in (13, _ATBASH, *range(1, 13), *range(14, 26)):
        table = str.maketrans(ascii_lowercase, _substituted(cipher))
        least = _LEAST_LETTERS.get(cipher, _LEAST)
        for word in sorted(COMMON):
            if len(word) >= least and (written := word.translate(table)) not in COMMON:
                owners.setdefault(written, cipher)
    for word in sorted(COMMON):
        if len(word) >= 4 and (written := pig_word(word)) not in COMMON:
            owners.setdefault(written, _PIG)
    for word in NATO:
        owners.setdefault(word, _NATO)
    numbers = {word: number for number, word in enumerate(owners)}
    return _Vocabulary(frozenset(owners), numbers, tuple(owners), tuple(owners.values()))


_LEAST_PLAIN = 3
"""Letters from which a common word shows that a text is not in cipher there."""
_LEAST_KNOWN = 2
_PARTED = "x ray"
"""The only one of two words."""
_IS_PARTED = re.compile(rb" x ray(?= )")


def cipher_pieces(source: Source) -> Iterator[tuple[str, Pieces]]:
    """Each cipher that there is evidence for, with the stretches written in it."""
    vocabulary = _disguised()
    known, is_parted = vocabulary.numbers, _IS_PARTED.search(source.spaced) is not None
    if len(source.vocabulary & vocabulary.all) + is_parted < _LEAST_KNOWN:
        return
    hits = {known[word] for word in source.words if word in known}
    if is_parted:
        hits.add(known[_PARTED])
    by_cipher: defaultdict[int, set[str]] = defaultdict(set)
    for number in hits:
        by_cipher[vocabulary.ciphers[number]].add(vocabulary.words[number])
    proven = {cipher: words for cipher, words in by_cipher.items() if is_evidence(words)}
    if not proven:
        return
    stretches = _Stretches(*source.word_places(), source)
    for cipher in sorted(proven, key=lambda c: -len(proven[c])):
        first, last = stretches.around(_hits(source, proven[cipher]))
        if not len(first):
            continue
        if cipher == _NATO:
            if len(pieces := nato_pieces(source)):
                yield "nato", pieces
            continue
        if cipher == _PIG:
            words = spread_out(first, last - first + 1)
            yield "pig-latin", pig_pieces(source, stretches.starts[words], stretches.ends[words])
        elif cipher == _REVERSED:
            yield "reversed", _turned(source, stretches.starts[first], stretches.ends[last])
            words = spread_out(first, last - first + 1)
            yield "reversed-words", _turned(source, stretches.starts[words], stretches.ends[words])
        else:
            yield (
                _name(cipher),
                _shifted(source, stretches.starts[first], stretches.ends[last], cipher),
            )


def _hits(source: Source, words: set[str]) -> npt.NDArray[np.intp]:
    """Rows of number, start and end of the words where they stand, with a blank on either side."""
    numbers = {word: number for number, word in enumerate(sorted(words))}
    owners = np.array([numbers.get(word, -1) for word in source.words], dtype=np.intp)
    starts, ends = source.word_places()
    rows = np.stack((owners, starts, ends + 2), axis=1)[owners >= 0]
    if _PARTED in numbers:
        places = [(m.start(), m.end() + 1) for m in _IS_PARTED.finditer(source.spaced)]
        parted = np.array([(numbers[_PARTED], *place) for place in places], dtype=np.intp)
        rows = np.concatenate((rows, parted))
        rows = rows[np.argsort(rows[:, 1], kind="stable")]
    return rows


def unread_pieces(source: Source) -> Iterator[tuple[str, Pieces]]:
    """Lines without known words that read like a language in one of the ciphers."""
    by_cipher: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for way, start, end in odd_lines(source):
        by_cipher[way].append((start, end))
    for way, places in by_cipher.items():
        starts, ends = np.array(places, dtype=np.intp).T
        if way == _REVERSED:
            yield "reversed", _turned(source, starts, ends)
        else:
            yield _name(way), _shifted(source, starts, ends, way)


def _name(cipher: int) -> str:
    if cipher == _ATBASH:
        return "atbash"
    return f"rot{_ALPHABET - cipher}" if cipher != 13 else "rot13"


class _Stretches:
    """Words of a text, and where plain ones part the stretches that may be in cipher."""

    def __init__(self, starts: Index, ends: Index, source: Source) -> None:
        self.starts, self.ends = starts, ends
        self._is_plain = np.zeros(len(self.starts), dtype=np.bool_)
        plain = [word in COMMON and len(word) >= _LEAST_PLAIN for word in source.words]
        at = source.word_places()[0][plain]
        self._is_plain[np.searchsorted(self.starts, at, side="right") - 1] = True

    def around(self, hits: npt.NDArray[np.intp]) -> tuple[Index, Index]:
        """First and last word of the stretches with at least two different hits."""
        at = np.searchsorted(self.starts, hits[:, 1], side="right") - 1
        is_hit = np.zeros(len(self.starts), dtype=np.bool_)
        is_hit[at] = True
        is_wall = self._is_plain & ~is_hit
        walls = np.flatnonzero(is_wall)
        region = np.searchsorted(walls, at)
        kept = self._proven(region, hits[:, 0], hits[:, 2] - hits[:, 1] - 2)
        firsts = np.concatenate(([0], walls + 1))[kept]
        lasts = np.concatenate((walls - 1, [len(self.starts) - 1]))[kept]
        return firsts, lasts

    @staticmethod
    def _proven(region: Index, words: Index, lengths: Index) -> Index:
        """Regions, in order, whose hits are two different words or more, ten letters together."""
        begins = np.concatenate(([0], np.flatnonzero(np.diff(region)) + 1))
        sizes = np.diff(np.append(begins, len(region)))
        low = np.minimum.reduceat(words, begins)
        high = np.maximum.reduceat(words, begins)
        is_low, is_high = words == np.repeat(low, sizes), words == np.repeat(high, sizes)
        low_length = np.maximum.reduceat(np.where(is_low, lengths, 0), begins)
        high_length = np.maximum.reduceat(np.where(is_high, lengths, 0), begins)
        more = np.logical_or.reduceat(~is_low & ~is_high, begins)
        good: Bools = (low != high) & (more | (low_length + high_length >= 10))
        chosen: Index = region[begins][good]
        return chosen


@cache
def _rot47() -> tuple[BytesAhoCorasick, tuple[str, ...], npt.NDArray[np.uint32]]:
    """The finder of common words in ROT47, these words, and the letters of its signs."""
    shift = 47
    table = np.arange(0x80, dtype=np.uint32)
    table[0x21:0x7F] = (np.arange(0x21, 0x7F) - 0x21 + shift) % (2 * shift) + 0x21
    words = tuple(sorted(word for word in COMMON if len(word) >= _LEAST))
    written = [bytes(table[list(word.encode())].astype(np.uint8).tolist()) for word in words]
    return BytesAhoCorasick([b" %b " % word for word in written]), words, table


def rot47_pieces(source: Source) -> Pieces:
    """Stretches in ROT47, which turns letters into signs as well."""
    finder, words, table = _rot47()
    raw = b" %b " % source.raw.replace(b"\n", b" ")
    hits = finder.find_matches_as_indexes(raw, overlapping=True)
    if not is_evidence({words[number] for number, _, _ in hits}):
        return NONE
    stretches = _Stretches(*runs_of(source.data > 0x20), source)
    first, last = stretches.around(as_rows(hits))
    starts, ends = stretches.starts[first], stretches.ends[last]
    codes = source.codes[spread_out(starts, ends - starts)].copy()
    is_ascii = codes < 0x80
    codes[is_ascii] = table[codes[is_ascii]]
    return Pieces.in_place(starts, ends, codes)


def _turned(source: Source, starts: Index, ends: Index) -> Pieces:
    sizes = ends - starts
    made = np.cumsum(sizes) - sizes
    at = np.repeat(ends - 1 + made, sizes) - np.arange(int(sizes.sum()))
    return Pieces.in_place(starts, ends, source.codes[at], BACKWARD)


@cache
def _reader(cipher: int) -> npt.NDArray[np.uint32]:
    """For each ASCII character what it stands for."""
    table = np.arange(0x80, dtype=np.uint32)
    written = _substituted(cipher)
    for plain, sign in (
        (ascii_lowercase, written),
        (ascii_uppercase, written.upper()),
    ):
        table[[ord(c) for c in sign]] = [ord(c) for c in plain]
    return table


def _shifted(source: Source, starts: Index, ends: Index, cipher: int) -> Pieces:
    codes = source.codes[spread_out(starts, ends - starts)].copy()
    is_ascii = codes < 0x80
    codes[is_ascii] = _reader(cipher)[codes[is_ascii]]
    return Pieces.in_place(starts, ends, codes)
