"""The buckets of n-grams are part of the shipped models: they follow this definition for ever."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tyrian.models.characters import BLANK, DIGIT, IDEOGRAPH, LETTER, SEPARATOR
from tyrian.models.features import CHAR_ORDERS, TABLE_SIZE, grams_of

_64 = (1 << 64) - 1
_BASE, _SCRAMBLE = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_CHAR_KEYS = (0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xA0761D6478BD642F)
_WORD_KEYS = (0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3, 0x1D8E4E27C47D124F)
_PAIR = (3, 0x51ED270B, 0x2545F4914F6CDD1D, 7)
_KINDS = (
    (BLANK, "\x00 \x7f\x85\u00a0\u1680\u2009\u2028\u205f\u3000\ufeff"),
    (SEPARATOR, "!/:@[`{\xd7\xf7\u2010\u20ac\u2603\u3001\u060c\ud800\ue000\u30fb\uffff\U0001f600"),
    (DIGIT, "09\u0663\u06f5\u0967\uff11"),
    (IDEOGRAPH, "\u0e01\u1000\u1780\u3042\u4e2d\uf900"),
    (LETTER, "azÀß\xaa\xb5ıǅЖΩع\u0301ﬁ한\ufffe"),
)
TEXTS = st.one_of(
    st.text(st.characters(max_codepoint=0x7F), max_size=90),
    st.text(st.characters(codec=None), max_size=60),
    st.lists(
        st.sampled_from([*"".join(signs for _, signs in _KINDS), "İ", "\n\n", "  ", "Word", "42"]),
        max_size=60,
    ).map("".join),
)


@cache
def _kind(char: str) -> int:
    """The class of a character, which single characters of known class have shown."""
    return int(grams_of(f"a{char}").kinds[2])


def _mixed(code: int) -> int:
    value = (code + 1) * _SCRAMBLE & _64
    return value ^ value >> 32


def _hash(chars: list[int]) -> int:
    value = 0
    for code in reversed(chars):
        value = (value * _BASE + code) & _64
    return value


def _bucket(value: int, key: int) -> int:
    return ((value ^ value >> 32) * key & _64) >> 46


@dataclass
class _Slow:
    """What `grams_of` must give, one character after the other."""

    text: str

    def __post_init__(self) -> None:
        lower = self.text.replace("\u0130", "i").lower()
        kinds = [_kind(char) for char in lower]
        kept = [
            i for i, kind in enumerate(kinds) if kind != BLANK or (i > 0 and kinds[i - 1] != BLANK)
        ]
        self.origin = kept
        self.kinds = [BLANK, *(kinds[i] for i in kept), BLANK]
        shown = [lower[i] if kinds[i] != BLANK else " " for i in kept]
        self.letters = [32, *map(ord, shown), 32]
        digit = (49 * _SCRAMBLE) & _64
        digit ^= digit >> 32
        self._codes = [
            digit if kind == DIGIT else _mixed(code)
            for kind, code in zip(self.kinds, self.letters, strict=True)
        ]

    def chars(self) -> list[list[int]]:
        places = range(len(self._codes))
        return [
            [_bucket(_hash(self._codes[at : at + order]), key) for at in places]
            for order, key in zip(CHAR_ORDERS, _CHAR_KEYS, strict=True)
        ]

    def spans(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for at, kind in enumerate(self.kinds):
            if kind == IDEOGRAPH:
                found.append((at, at + 1))
            elif kind in (LETTER, DIGIT):
                joins = found and found[-1][1] == at and self.kinds[at - 1] in (LETTER, DIGIT)
                found.append((found.pop()[0] if joins else at, at + 1))
        return found

    def word_hashes(self) -> list[int]:
        hashes = (_hash(self._codes[start:end]) for start, end in self.spans())
        return [(value ^ value >> 32) * _SCRAMBLE & _64 for value in hashes]

    def words(self) -> list[list[int]]:
        one = [*self.word_hashes(), 0, 0]
        a, b, c, d = _PAIR
        slots = [
            (x, x * a + y * b, x * a + y * b + z * c, x + z * d)
            for x, y, z in zip(one, one[1:], one[2:], strict=False)
        ]
        return [
            [_bucket(values[slot] & _64, key) + TABLE_SIZE for values in slots]
            for slot, key in enumerate(_WORD_KEYS)
        ]

    def mass(self) -> list[int]:
        starts = {start for start, _ in self.spans()}
        masses = [0]
        for at in range(len(self.kinds)):
            masses.append(masses[-1] + 3 + 4 * (at in starts))
        return masses


def test_characters_are_of_these_classes() -> None:
    for kind, signs in _KINDS:
        assert {char: _kind(char) for char in signs} == dict.fromkeys(signs, kind)


@given(TEXTS)
def test_grams_are_those_of_the_definition(text: str) -> None:
    slow, grams = _Slow(text), grams_of(text)
    assert grams.length == len(slow.kinds)
    assert grams.chars.dtype == grams.words.dtype == grams.letters.dtype == np.uint32
    assert grams.chars.tolist() == slow.chars()
    assert grams.words.tolist() == slow.words()
    assert grams.word_hashes.tolist() == slow.word_hashes()
    assert list(zip(grams.word_starts.tolist(), grams.word_ends.tolist(), strict=True)) == (
        slow.spans()
    )
    assert grams.kinds.tolist() == slow.kinds
    assert grams.letters.tolist() == slow.letters
    assert grams.mass.tolist() == slow.mass()
    assert grams.origin.tolist() == slow.origin
