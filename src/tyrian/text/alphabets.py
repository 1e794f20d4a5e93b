"""Alphabets other than letters: Morse, Braille, the spelling alphabet, flags, pig Latin."""

import re
from functools import cache
from string import ascii_lowercase

import numpy as np

from tyrian.text.offsets import Codes, Index, text_of
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bytes, Source, chained, counts_in, runs_of, spread_out
from tyrian.text.words import COMMON, SPELT, Speller, is_evidence, lines_with_common

_MORSE = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- "
    ".-- -..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- "
    "..--.."
)
_MORSE_SIGNS = ascii_lowercase + "0123456789.,?"
_DOTS, _DASHES = ".·•∙⋅˙●", "-−–—_‐‑"
_LONGEST_SIGN = 6
_LEAST_SIGNS = 6
_WIDEST_BREAK = 6
_MARK_SIZE = 0x3000


@cache
def _marks() -> Bytes:
    """1 for what may be a dot, 2 for a dash, 3 for what may stand between signs."""
    table = np.zeros(_MARK_SIZE, dtype=np.uint8)
    for signs, kind in ((_DOTS, 1), (_DASHES, 2), (" /|\n\t\r,;", 3)):
        table[[ord(c) for c in signs]] = kind
    return table


@cache
def _morse_letters() -> Codes:
    """The letter of each sign, read as binary digits behind a one."""
    table = np.zeros(2 << _LONGEST_SIGN, dtype=np.uint32)
    for sign, letter in zip(_MORSE.split(), _MORSE_SIGNS, strict=True):
        table[int("1" + sign.replace(".", "0").replace("-", "1"), 2)] = ord(letter)
    return table


def morse_pieces(source: Source) -> Pieces:
    """Morse in dots and dashes, words parted by strokes, lines or wider gaps."""
    kinds = _marks()[np.minimum(source.codes, _MARK_SIZE - 1)]
    is_mark = (kinds == 1) | (kinds == 2)
    starts, ends = runs_of(is_mark)
    sizes = ends - starts
    outside = np.concatenate(([3], np.where(kinds == 0, 0, 3), [3]))
    # A full stop behind a word is no dot.
    kept = (sizes <= _LONGEST_SIGN) & (outside[starts] > 0) & (outside[ends + 1] > 0)
    starts, ends, sizes = starts[kept], ends[kept], sizes[kept]
    if len(starts) < _LEAST_SIGNS:
        return NONE
    at = spread_out(starts, sizes)
    shift = np.repeat(ends - 1, sizes) - at
    bits = np.add.reduceat((kinds[at] == 2).astype(np.intp) << shift, np.cumsum(sizes) - sizes)
    letters = _morse_letters()[bits + (1 << sizes)]
    gaps = starts[1:] - ends[:-1]
    odd = counts_in(kinds != 3, ends[:-1], starts[1:])
    linked = (odd == 0) & (gaps >= 1) & (gaps <= _WIDEST_BREAK)
    linked &= (letters[1:] > 0) & (letters[:-1] > 0)
    first, stop = chained(linked)
    kept = stop - first >= _LEAST_SIGNS
    return _spelt(source, starts, ends, letters, first[kept], stop[kept])


def _spelt(
    source: Source, starts: Index, ends: Index, letters: Codes, first: Index, stop: Index
) -> Pieces:
    """Chains of letters that spell words; a gap wider than the usual one parts words."""
    if not len(first):
        return NONE
    sizes = stop - first
    members = spread_out(first, sizes)
    chain = np.repeat(np.arange(len(first)), sizes)
    following = np.minimum(members + 1, len(starts) - 1)
    gaps = np.maximum(starts[following] - ends[members], 0)
    is_last = np.zeros(len(members), dtype=np.bool_)
    is_last[np.cumsum(sizes) - 1] = True
    usual = np.minimum.reduceat(np.where(is_last, 1 << 30, gaps), np.cumsum(sizes) - sizes)
    sign = source.codes[np.minimum(ends[members], len(source) - 1)]
    is_break = (gaps > usual[chain]) | ((sign == 0x0A) & (usual[chain] == 1)) | is_last
    made = np.repeat(letters[members], 1 + is_break)
    places = np.cumsum(1 + is_break) - 1
    made[places[is_break]] = 0x20
    made[places[is_last]] = 0x0A
    lines = text_of(made).split("\n")[:-1]
    return _with_words(source, starts[first], ends[stop - 1], lines)


def _with_words(source: Source, starts: Index, ends: Index, lines: list[str]) -> Pieces:
    """Pieces of the lines that hold words, cut into words where no breaks are left."""
    good = lines_with_common(lines)
    whole = [line for line, fine in zip(lines, good, strict=True) if fine and " " not in line]
    speller = Speller()
    cuts = dict(zip(whole, map(" ".join, speller.cut(whole)), strict=True))
    source.is_whole &= not speller.is_exhausted
    texts = [cuts.get(line, line) if fine else "" for line, fine in zip(lines, good, strict=True)]
    return Pieces.of_texts(starts, ends, texts)


_BRAILLE = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵"
_BRAILLE_FIRST, _BRAILLE_LAST = 0x2800, 0x28FF


@cache
def _braille_letters() -> Codes:
    table = np.full(_BRAILLE_LAST - _BRAILLE_FIRST + 1, ord("?"), dtype=np.uint32)
    table[0] = 0x20
    for sign, letter in zip(_BRAILLE, ascii_lowercase, strict=True):
        table[ord(sign) - _BRAILLE_FIRST] = ord(letter)
    return table


def braille_pieces(source: Source) -> Pieces:
    """Uncontracted Braille, where it spells common words."""
    codes = source.codes
    is_sign = (codes >= _BRAILLE_FIRST) & (codes <= _BRAILLE_LAST)
    if not is_sign.any():
        return NONE
    letters = np.where(is_sign, _braille_letters()[(codes - _BRAILLE_FIRST) & 0xFF], codes)
    is_gap = (codes == 0x20) | (codes == 0x0A)
    starts, ends = runs_of(is_sign | is_gap)
    kept = counts_in(is_sign, starts, ends) >= _LEAST_SIGNS
    starts, ends = starts[kept], ends[kept]
    if not len(starts):
        return NONE
    text = text_of(letters)
    lines = [
        text[a:b].replace("\n", " ") for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    # Blind people write Braille: only what is more than a greeting is worth a view.
    told = [line if is_evidence(COMMON.intersection(line.split())) else "" for line in lines]
    return _with_words(source, starts, ends, told)


_FLAG_A, _FLAG_Z = 0x1F1E6, 0x1F1FF
_LEAST_FLAGS = 6


def flag_letter_pieces(source: Source) -> Pieces:
    """Regional indicators that are letters of words, not flags of countries."""
    codes = source.codes
    is_sign = (codes >= _FLAG_A) & (codes <= _FLAG_Z)
    starts, ends = runs_of(is_sign)
    if int(is_sign.sum()) < _LEAST_FLAGS:
        return NONE
    letters = np.where(is_sign, codes - _FLAG_A + 0x61, codes)
    odd = int(((ends - starts) % 2).sum())
    if odd < _LEAST_FLAGS:
        text = text_of(letters)
        words = {text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)}
        if len([word for word in words if len(word) >= 4 and word in COMMON]) < 2:
            return NONE
    at = np.flatnonzero(is_sign)
    return Pieces.in_place(at, at + 1, letters[at].astype(np.uint32))


_NATO = """
alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar
papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu alfa juliet whisky
"""
NATO = (*_NATO.split(), "x ray")
"""The spelling alphabet of ICAO and NATO, with the usual other spellings."""
_NATO_WORDS = re.compile(
    rb"(?<![a-z])(?:"
    + "|".join(word.replace(" ", "[- ]?") for word in NATO).encode()
    + rb")(?![a-z])"
)


def nato_pieces(source: Source) -> Pieces:
    """Letters given by the words of the spelling alphabet."""
    matches = list(_NATO_WORDS.finditer(source.raw.lower()))
    if len(matches) < _LEAST_SIGNS:
        return NONE
    starts = np.array([m.start() for m in matches], dtype=np.intp)
    ends = np.array([m.end() for m in matches], dtype=np.intp)
    letters = np.array([m[0][0] for m in matches], dtype=np.uint32)
    lower = source.data | 0x20
    words = (lower >= 0x61) & (lower <= 0x7A)
    near = (starts[1:] - ends[:-1] <= _WIDEST_BREAK) & (
        counts_in(words, ends[:-1], starts[1:]) == 0
    )
    first, stop = chained(near)
    kept = stop - first >= _LEAST_SIGNS
    return _spelt(source, starts, ends, letters, first[kept], stop[kept])


_VOWELS = "aeiou"
_ONSET = re.compile(
    r"(?:squ|sch|scr|shr|spl|spr|str|thr|qu|[bcfgkps]l|[bcdfgkptw]r|[cgpstw]h|s[ckmnptw]|"
    r"[b-df-hj-np-tv-z])$"
)


def pig_word(word: str) -> str:
    """A common word as pig Latin writes it."""
    head = next((i for i, letter in enumerate(word) if letter in _VOWELS), 0)
    return word[head:] + word[:head] + "ay" if head else word + "way"


def _from_pig(word: str) -> str:
    """The word that a word of pig Latin stands for, as far as one can tell."""
    lower = word.lower()
    if not lower.endswith("ay") or len(lower) < 4:
        return word
    for ending in ("way", "yay"):
        if lower.endswith(ending) and lower[: -len(ending)] in SPELT:
            return lower[: -len(ending)]
    stem = lower[:-2]
    for size in (1, 2, 3, 4):
        if (turned := stem[-size:] + stem[:-size]) in SPELT:
            return turned
    if lower[0] in _VOWELS and lower.endswith(("way", "yay")):
        return lower[:-3]
    onset = _ONSET.search(stem)
    return onset[0] + stem[: onset.start()] if onset else stem


def pig_pieces(source: Source, starts: Index, ends: Index) -> Pieces:
    """The words between these places, out of pig Latin."""
    text = source.text
    words = [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    plain = {word: _from_pig(word) for word in set(words)}
    return Pieces.of_texts(starts, ends, [plain[word] for word in words])
