"""What each code point is, as bits in one table that is built at the first non-ASCII text."""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tyrian.text.confusables import load_folds

# The low four bits say which rule decides whether a code point is hidden (0: it is not).
KIND = 0x000F
CONTROL, ZERO_WIDTH, ZWNJ, ZWJ, BIDI, BIDI_MARK, TAG, SELECTOR, EMOJI_SELECTOR, BLANK = range(1, 11)
MONGOLIAN, ZWSP = 11, 12

GENERAL_MARK = 0x0010
"""A combining mark of no script of its own, as in zalgo text."""
SCRIPT_MARK = 0x0020
"""A combining mark that its script needs."""
UNSTABLE = 0x0040
"""NFKC changes it, or may compose it with what stands before."""
LATIN = 0x0080
FOLD = 0x0100
"""A letter of another script that UTS #39 takes for an ASCII letter; with LATIN, an odd form."""
LOOSE = 0x0200
"""Looks like an ASCII letter, but only a mixed-script word proves that it is meant as one."""
LETTER = 0x0400
PICTO = 0x0800
JOINING = 0x1000
"""A script in which ZWJ and ZWNJ are orthography."""
HAN = 0x2000
UNSPACED = 0x4000
"""A script that marks word breaks with ZERO WIDTH SPACE."""
MARKABLE = 0x8000
"""Latin, Greek and Cyrillic letters: marks on them compose or are noise."""

TROUBLE = KIND | GENERAL_MARK | SCRIPT_MARK | UNSTABLE | FOLD | LOOSE
"""What a text without any of is normalised already."""

_Ranges = tuple[tuple[int, int], ...]

_HIDDEN: dict[int, _Ranges] = {
    CONTROL: (
        (0x00, 0x08), (0x0B, 0x0B), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F),
        (0xD800, 0xDFFF), (0xFDD0, 0xFDEF), (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF),
    ),
    ZERO_WIDTH: (
        (0xAD, 0xAD), (0x034F, 0x034F), (0x2060, 0x2065), (0x206A, 0x206F), (0xFEFF, 0xFEFF),
        (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    ),
    ZWSP: ((0x200B, 0x200B),),
    ZWNJ: ((0x200C, 0x200C),),
    ZWJ: ((0x200D, 0x200D),),
    BIDI: ((0x202A, 0x202E), (0x2066, 0x2069)),
    BIDI_MARK: ((0x061C, 0x061C), (0x200E, 0x200F)),
    TAG: ((0xE0000, 0xE00FF), (0xE01F0, 0xE0FFF)),
    SELECTOR: ((0xFE00, 0xFE0D), (0xE0100, 0xE01EF)),
    EMOJI_SELECTOR: ((0xFE0E, 0xFE0F),),
    BLANK: (
        (0x115F, 0x1160), (0x17B4, 0x17B5), (0x2800, 0x2800), (0x3164, 0x3164), (0xFFA0, 0xFFA0),
    ),
    MONGOLIAN: ((0x180B, 0x180F),),
}  # fmt: skip
_BITS: dict[int, _Ranges] = {
    PICTO: (
        (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122),
        (0x2139, 0x2139), (0x2190, 0x21FF), (0x2300, 0x23FF), (0x24C2, 0x24C2), (0x25A0, 0x27BF),
        (0x2900, 0x297F), (0x2B00, 0x2BFF), (0x3030, 0x3030), (0x303D, 0x303D), (0x3297, 0x3297),
        (0x3299, 0x3299), (0x1F000, 0x1FAFF),
    ),
    JOINING: (
        (0x0600, 0x061B), (0x061D, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x0FFF), (0x1000, 0x109F),
        (0x1780, 0x17B3), (0x17B6, 0x17FF), (0x1807, 0x180A), (0x1820, 0x18AF), (0x1900, 0x1CFF),
        (0xA800, 0xA8FF), (0xA930, 0xAAFF), (0xABC0, 0xABFF), (0xFB50, 0xFDCF), (0xFE70, 0xFEFC),
        (0x11000, 0x11FFF), (0x1E900, 0x1E95F),
    ),
    HAN: ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
    UNSPACED: (
        (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17B3), (0x17B6, 0x17FF), (0x1950, 0x19DF),
        (0x1A20, 0x1AAF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAADF),
    ),
    LETTER: ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x3FFFF)),
}  # fmt: skip
_GENERAL_MARKS: _Ranges = (
    (0x0300, 0x034E), (0x0350, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)  # fmt: skip
_MARKABLE: _Ranges = (
    (0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xB5, 0xB5), (0xBA, 0xBA), (0xC0, 0x02AF),
    (0x0370, 0x0482), (0x048A, 0x052F), (0x1C80, 0x1C8F), (0x1D00, 0x1DBF), (0x1E00, 0x1FFF),
    (0x2C60, 0x2C7F), (0xA640, 0xA66E), (0xA680, 0xA69B), (0xA720, 0xA7FF), (0xAB30, 0xAB6F),
)  # fmt: skip
_LATIN: _Ranges = (
    (0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6),
    (0xF8, 0x02AF), (0x1D00, 0x1D25), (0x1D2C, 0x1D5C), (0x1D62, 0x1D65), (0x1D6B, 0x1DBE),
    (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA722, 0xA7FF), (0xAB30, 0xAB5A),
)  # fmt: skip

LONGEST_EXPANSION = 4
"""What NFKC makes longer is left as it is: one ligature of eighteen is a cheap amplifier."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Per code point: `flags` (bits above), `widths` (length in NFKD), `folds` (ASCII target)."""

    flags: npt.NDArray[np.uint16]
    widths: npt.NDArray[np.uint8]
    folds: npt.NDArray[np.uint32]
    form: npt.NDArray[np.uint16]
    """Row in the next two of what NFKC makes of one, where nothing around it matters; else 0."""
    sizes: npt.NDArray[np.intp]
    """How many code points it makes."""
    forms: npt.NDArray[np.uint32]
    """Which ones, in `LONGEST_EXPANSION` places."""
    spacing: npt.NDArray[np.uint8]
    """ALNUM and SEPARATOR: what words are spelt with, and what may pull their letters apart."""


def _scanned() -> list[int]:
    """Assigned code points whose properties must be looked up one by one."""
    skipped = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xF8FF), (0x17000, 0x18CFF))
    every = np.ones(0x20000, dtype=bool)
    for low, high in skipped:
        every[low : high + 1] = False
    scan = [int(c) for c in np.flatnonzero(every) if unicodedata.category(chr(c)) != "Cn"]
    return [*scan, *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)]


def _fill(flags: npt.NDArray[np.uint16], ranges: _Ranges, bit: int) -> None:
    for low, high in ranges:
        flags[low : high + 1] |= bit


def _look_up(flags: npt.NDArray[np.uint16], widths: npt.NDArray[np.uint8]) -> None:
    """Set what the Unicode database says: letters, marks, stability and width."""
    general = {c for low, high in _GENERAL_MARKS for c in range(low, high + 1)}
    seconds: set[int] = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for code in _scanned():
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] == "L":
            flags[code] |= LETTER
        elif category[0] == "M":
            flags[code] |= GENERAL_MARK if code in general else SCRIPT_MARK
        if not (decomposition := unicodedata.decomposition(char)):
            continue
        widths[code] = len(unicodedata.normalize("NFKD", char))
        if widths[code] <= LONGEST_EXPANSION and unicodedata.normalize("NFKC", char) != char:
            flags[code] |= UNSTABLE
        if decomposition[0] != "<" and " " in decomposition:
            seconds.add(int(decomposition.split()[1], 16))
    flags[list(seconds)] |= UNSTABLE
    hangul = np.arange(0xAC00, 0xD7A4)
    widths[hangul] = np.where((hangul - 0xAC00) % 28, 3, 2)


_ODD_FORMS: _Ranges = (
    (0x0250, 0x02AF), (0x1D00, 0x1DBF), (0xA720, 0xA7FF), (0xAB30, 0xAB6F), (0x1D100, 0x1FFFF),
)  # fmt: skip
"""Small capitals, phonetic letters, letters on coloured ground: no language is spelt in them."""


def _is_odd(code: int) -> bool:
    return any(low <= code <= high for low, high in _ODD_FORMS)


def _simple_forms(
    flags: npt.NDArray[np.uint16],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.intp], npt.NDArray[np.uint32]]:
    """NFKC of what neither composes with its neighbours nor has parts that do."""
    form = np.zeros(0x110000, dtype=np.uint16)
    rows = [[0] * LONGEST_EXPANSION]
    sizes = [0]
    for code in np.flatnonzero(flags & UNSTABLE).tolist():
        made = unicodedata.normalize("NFKC", chr(code))
        parts = [ord(c) for c in made]
        moves = (int(flags[c]) & (UNSTABLE | GENERAL_MARK | SCRIPT_MARK) for c in parts)
        if parts != [code] and not any(moves) and not unicodedata.combining(chr(code)):
            form[code] = len(rows)
            rows.append(parts + [0] * (LONGEST_EXPANSION - len(parts)))
            sizes.append(len(parts))
    return form, np.array(sizes, dtype=np.intp), np.array(rows, dtype=np.uint32)


ALNUM, SEPARATOR = 1, 2
_SEPARATORS: _Ranges = (
    (0x09, 0x0D), (0x1C, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0x85, 0x85),
    (0xA0, 0xBF), (0x1680, 0x1680), (0x2000, 0x2BFF), (0x3000, 0x303F), (0x1F000, 0x1FAFF),
)  # fmt: skip
"""Signs and blanks, but no combining marks: those belong to their letters."""


def _spacing(flags: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    made = np.where(flags & LETTER, ALNUM, 0).astype(np.uint8)
    numbers = [c for c in range(0x20000) if not made[c] and chr(c).isalnum()]
    made[numbers] = ALNUM
    for low, high in _SEPARATORS:
        block = made[low : high + 1]
        block[block == 0] = SEPARATOR
    return made


@cache
def tables() -> Tables:
    """The tables, built once (some 100 ms); call it early to have that behind."""
    flags = np.zeros(0x110000, dtype=np.uint16)
    widths = np.ones(0x110000, dtype=np.uint8)
    for bit, ranges in _BITS.items():
        _fill(flags, ranges, bit)
    _look_up(flags, widths)
    is_letter = (flags & LETTER) != 0
    for ranges, bit in ((_LATIN, LATIN), (_MARKABLE, MARKABLE)):
        for low, high in ranges:
            flags[low : high + 1] |= np.where(is_letter[low : high + 1], bit, 0).astype(np.uint16)
    for kind, ranges in _HIDDEN.items():
        for low, high in ranges:
            flags[low : high + 1] = kind
    spacing = _spacing(flags)
    form, sizes, forms = _simple_forms(flags)
    folds = np.arange(0x20000, dtype=np.uint32)
    strict, loose = load_folds()
    for chosen, bit in ((strict, FOLD), (loose, LOOSE)):
        for char, target in chosen.items():
            if flags[ord(char)] & (LETTER | PICTO) and not flags[ord(char)] & KIND:
                is_odd = bit == FOLD and _is_odd(ord(char))
                script = LATIN if is_odd else 0
                flags[ord(char)] = (flags[ord(char)] & ~np.uint16(LATIN)) | bit | LETTER | script
                folds[ord(char)] = ord(target)
    return Tables(flags, widths, folds, form, sizes, forms, spacing)
