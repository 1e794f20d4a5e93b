"""Which letters pass for ASCII letters, from the UTS #39 data."""

import unicodedata
from importlib.resources import files

import msgspec

_SMALL_CAPS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
_LOOKALIKES = dict(zip("кткнвмпгёяηωκτμĸλ", "ktkhbmnrernwktukl", strict=True))
"""Pairs that UTS #39 has not, or has only by way of a small capital."""
_LEFT_ALONE = frozenset("ıƖ")
"""Turkish writes its dotless i in every other word."""
_STRICT_BLOCKS = (
    (0x0250, 0x02AF), (0x0370, 0x058F), (0x13A0, 0x13FF), (0x1400, 0x167F), (0x16A0, 0x16FF),
    (0x1C80, 0x1C8F), (0x1D00, 0x1DBF), (0x1F00, 0x1FFF), (0x2C60, 0x2D7F), (0xA4D0, 0xA4FF),
    (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xAB30, 0xABBF), (0x10000, 0x10FFF), (0x11800, 0x118FF),
    (0x16F00, 0x16F9F), (0x1D100, 0x1FFFF),
)  # fmt: skip


class _Homoglyph(msgspec.Struct):
    c: str


def _negative_letters() -> dict[str, str]:
    """White-on-black circled and squared capitals, which NFKC leaves alone."""
    return {
        chr(first + i): chr(65 + i) for first in (0x1F150, 0x1F170) for i in range(26)
    }  # fmt: skip


def _latin_targets() -> dict[str, str]:
    """One ASCII letter for each single character that the data takes for it."""
    raw = files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    data = msgspec.json.decode(raw, type=dict[str, list[_Homoglyph]])
    targets: dict[str, str] = {}
    for letter in map(chr, (*range(97, 123), *range(65, 91))):
        for glyph in data.get(letter, ()):
            shown = glyph.c.strip("\u200e")
            if len(shown) == 1 and not shown.isascii():
                targets.setdefault(shown, letter)
    return targets


def load_folds() -> tuple[dict[str, str], dict[str, str]]:
    """(strict, loose) maps of characters to ASCII letters; loose ones need a mixed-script word."""
    strict: dict[str, str] = {}
    loose = dict(_LOOKALIKES)
    for char, letter in _latin_targets().items():
        if char in _LEFT_ALONE:
            continue
        # Capital i and small l share one skeleton; the shape of the source tells which is meant.
        if letter == "l" and unicodedata.name(char, "").endswith((" I", "IOTA", "IAUDA")):
            letter = "I"
        is_strict = any(low <= ord(char) <= high for low, high in _STRICT_BLOCKS)
        (strict if is_strict else loose)[char] = letter
    strict.update(_SMALL_CAPS)
    strict.update(_negative_letters())
    for block in (range(0x0400, 0x0530), range(0x0370, 0x0400), range(0x1F00, 0x2000)):
        for char in map(chr, block):
            base = unicodedata.normalize("NFD", char)[0]
            if base != char and char not in strict and (target := strict.get(base)):
                loose.setdefault(char, target)
    return strict, {c: t for c, t in loose.items() if c not in strict}
