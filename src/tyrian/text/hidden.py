"""Code points that people do not see: which to take out, and what they smuggle."""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tyrian.text import tables as t
from tyrian.text.payload import decode_payload

Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.uint16]
Bools = npt.NDArray[np.bool_]

_NAMES = {
    t.CONTROL: "control", t.ZERO_WIDTH: "zero-width", t.ZWSP: "zero-width", t.ZWNJ: "zero-width",
    t.ZWJ: "zero-width", t.MONGOLIAN: "zero-width", t.BIDI: "bidi", t.BIDI_MARK: "bidi",
    t.TAG: "tag", t.SELECTOR: "variation-selector", t.EMOJI_SELECTOR: "variation-selector",
    t.BLANK: "blank",
}  # fmt: skip
KINDS = ("control", "zero-width", "bidi", "tag", "variation-selector", "blank")
_GROUP = np.array([KINDS.index(_NAMES[k]) if k in _NAMES else 0 for k in range(16)])
_FLAG = re.compile("\U0001f3f4\U000e0067\U000e0062(?:eng|sct|wls)\U000e007f".translate(
    {ord(c): 0xE0000 + ord(c) for c in "engsctwl"}))  # fmt: skip
_FLAG_LENGTH = 7
_MAX_RUNS = 512
_KEYCAP_BASES = tuple(map(ord, "0123456789#*"))


@dataclass(frozen=True, slots=True)
class HiddenRun:
    """A run of hidden code points in the original, and the text that they smuggle, if any."""

    kind: str
    """One of `KINDS`."""
    start: int
    end: int
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What to do with the hidden code points of a text."""

    removed: Bools
    spaced: npt.NDArray[np.intp]
    """Blank glyphs between words: each becomes a space."""
    runs: tuple[HiddenRun, ...]


def find_hidden(text: str, codes: Codes, flags: Flags, *, is_reported: bool) -> Hidden | None:
    """The hidden code points of a text, None where it has none that must go."""
    at = np.flatnonzero(flags & t.KIND)
    if not len(at):
        return None
    kind = (flags[at] & t.KIND).astype(np.intp)
    silent = np.zeros(len(at), dtype=np.bool_)
    kept = _kept(text, codes, flags, at, kind, silent)
    gone = at[~kept]
    if not len(gone):
        return None
    removed = np.zeros(len(codes), dtype=np.bool_)
    removed[gone] = True
    blanks = at[~kept & (kind == t.BLANK)]
    spaced = _word_breaks(flags, removed, blanks) if len(blanks) else blanks
    removed[spaced] = False
    shown = ~kept & ~silent
    runs = _runs(codes, at[shown], _GROUP[kind[shown]]) if is_reported else ()
    return Hidden(removed, spaced, runs)


def _kept(
    text: str, codes: Codes, flags: Flags, at: npt.NDArray[np.intp], kind: npt.NDArray[np.intp],
    silent: Bools,
) -> Bools:  # fmt: skip
    """Which candidates belong to the writing: emoji sequences, joiners, Mongolian, braille."""
    last = len(codes) - 1
    before = np.where(at > 0, flags[at - 1], 0)
    after = np.where(at < last, flags[np.minimum(at + 1, last)], 0)
    code_before = np.where(at > 0, codes[at - 1], 0)
    code_after = np.where(at < last, codes[np.minimum(at + 1, last)], 0)
    before_that = np.where(at > 1, flags[np.maximum(at - 2, 0)], 0)
    joiner = (kind == t.ZWNJ) | (kind == t.ZWJ)
    kept: Bools = joiner & ((before & t.JOINING) != 0)
    emoji_left = ((before & t.PICTO) != 0) | (code_before == 0xE007F)
    emoji_left |= (code_before == 0xFE0F) & ((before_that & t.PICTO) != 0)
    kept |= (kind == t.ZWJ) & emoji_left & ((after & t.PICTO) != 0)
    kept |= (kind == t.ZWSP) & ((before & after & t.UNSPACED) != 0)
    styled = (kind == t.EMOJI_SELECTOR) & ((before & t.PICTO) != 0)
    # NFKC turns such a sign into letters, on which no selector may stay.
    lettered = styled & ((before & t.UNSTABLE) != 0)
    silent |= lettered | ((at == 0) & (codes[at] == 0xFEFF))
    kept |= styled & ~lettered
    kept |= (
        (kind == t.EMOJI_SELECTOR) & np.isin(code_before, _KEYCAP_BASES) & (code_after == 0x20E3)
    )
    lone = (kind == t.SELECTOR) & ((after & t.KIND) == 0) & ((before & t.KIND) == 0)
    kept |= lone & ((before & t.HAN) != 0)
    kept |= lone & (codes[at] == 0xFE00) & _between(code_before, 0x2200, 0x22FF)
    kept |= (kind == t.MONGOLIAN) & _between(code_before, 0x1807, 0x18AF) & (before & t.KIND == 0)
    kept |= (kind == t.BLANK) & _blank_in_script(codes[at], code_before, code_after)
    if (kind == t.BIDI_MARK).any() and _has_rtl(codes):
        kept |= (kind == t.BIDI_MARK) & ((before & t.KIND) == 0) & ((after & t.KIND) == 0)
    if (kind == t.TAG).any():
        kept |= _in_flags(text)[at]
    return kept


def _in_flags(text: str) -> Bools:
    """The tag characters of the three flags that are spelt with them."""
    inside = np.zeros(len(text), dtype=np.bool_)
    starts = np.array([m.start() for m in _FLAG.finditer(text)], dtype=np.intp)
    for step in range(1, _FLAG_LENGTH):
        inside[starts + step] = True
    return inside


def _between(codes: Codes, low: int, high: int) -> Bools:
    return (codes >= low) & (codes <= high)


def _has_rtl(codes: Codes) -> bool:
    return bool((_between(codes, 0x0590, 0x061B) | _between(codes, 0x061D, 0x08FF)).any())


def _blank_in_script(code: Codes, before: Codes, after: Codes) -> Bools:
    """Blank braille beside braille, jamo fillers beside jamo."""
    braille = _between(before, 0x2801, 0x28FF) | _between(after, 0x2801, 0x28FF)
    jamo_before = _between(before, 0x1100, 0x115E) & (code == 0x1160)
    jamo_after = _between(after, 0x1161, 0x11A7) & (code == 0x115F)
    kept: Bools = ((code == 0x2800) & braille) | jamo_before | jamo_after
    return kept


def _word_breaks(
    flags: Flags, removed: Bools, blanks: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Blanks that stand between words; between two lone letters they only spread a word."""
    first = blanks[np.flatnonzero(np.diff(blanks, prepend=-2) > 1)]
    final = blanks[np.flatnonzero(np.diff(blanks, append=len(flags) + 1) > 1)]
    is_letter = np.zeros(len(flags) + 4, dtype=np.bool_)
    is_letter[2:-2] = (flags & (t.LETTER | t.LATIN)) != 0
    left, right = is_letter[first + 1], is_letter[final + 3]
    lone = ~is_letter[first] & ~is_letter[final + 4]
    chosen: npt.NDArray[np.intp] = first[left & right & ~lone]
    return chosen


def _runs(
    codes: Codes, at: npt.NDArray[np.intp], group: npt.NDArray[np.intp]
) -> tuple[HiddenRun, ...]:
    if not len(at):
        return ()
    breaks = np.flatnonzero((np.diff(at) != 1) | (np.diff(group) != 0)) + 1
    edges = [0, *breaks.tolist(), len(at)] if len(breaks) < _MAX_RUNS else []
    if not edges:
        return _merged_runs(codes, at, group)
    return tuple(
        HiddenRun(
            KINDS[int(group[i])], int(at[i]), int(at[j - 1]) + 1,
            decode_payload(KINDS[int(group[i])], codes[at[i:j]]),
        )
        for i, j in pairwise(edges)
    )  # fmt: skip


def _merged_runs(
    codes: Codes, at: npt.NDArray[np.intp], group: npt.NDArray[np.intp]
) -> tuple[HiddenRun, ...]:
    """One run per kind, from its first to its last place: a flood is one finding, not a million."""
    runs = []
    for number in np.unique(group).tolist():
        mine = at[group == number]
        payload = decode_payload(KINDS[number], codes[mine])
        runs.append(HiddenRun(KINDS[number], int(mine[0]), int(mine[-1]) + 1, payload))
    return tuple(sorted(runs, key=lambda run: run.start))
