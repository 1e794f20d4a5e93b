"""Letters put for other letters: rot13, leetspeak, turned, reversed and accented text."""

import codecs
import re
import unicodedata
from collections.abc import Container

from tyrian.text.rewrite import BACKWARD, Piece
from tyrian.text.words import COMMON, STRONG, is_evidence, reversed_words, rot13_words

_TOKEN = re.compile(r"[^\W\d_]+")


def _runs(text: str, hits: Container[str]) -> list[tuple[int, int]]:
    """Stretches of words with at least two hits and no plain common word inside."""
    runs: list[tuple[int, int]] = []
    start = end = -1
    found: set[str] = set()
    for match in _TOKEN.finditer(text):
        word = match[0].lower()
        if word in hits:
            found.add(word)
        elif len(word) >= 3 and word in COMMON:
            if is_evidence(found):
                runs.append((start, end))
            start, found = -1, set()
            continue
        if start < 0:
            start = match.start()
        end = match.end()
    if is_evidence(found):
        runs.append((start, end))
    return runs


def rot13_pieces(text: str, words: set[str]) -> list[Piece]:
    """Stretches in rot13."""
    if not is_evidence(words & rot13_words()):
        return []
    return [
        Piece(start, end, codecs.encode(text[start:end], "rot13"), 1)
        for start, end in _runs(text, rot13_words())
    ]


def reversed_pieces(text: str, words: set[str]) -> list[Piece]:
    """Stretches written from back to front."""
    if not is_evidence(words & reversed_words()):
        return []
    return [
        Piece(start, end, text[start:end][::-1], BACKWARD)
        for start, end in _runs(text, reversed_words())
    ]


def mirrored_pieces(text: str, words: set[str]) -> list[Piece]:
    """The same stretches with each word turned in its place."""
    if not is_evidence(words & reversed_words()):
        return []
    return [
        Piece(start + m.start(), start + m.end(), m[0][::-1], BACKWARD)
        for start, end in _runs(text, reversed_words())
        for m in _TOKEN.finditer(text[start:end])
    ]


_LEET = dict(zip("0134578@$!|+9", "oieastbasiltg", strict=True))
_AS_I = str.maketrans(_LEET)
_AS_L = str.maketrans({**_LEET, "1": "l", "!": "l", "7": "l"})
_LEET_TOKEN = re.compile(r"(?<![A-Za-z0-9@$!|+])[A-Za-z]{0,20}[0-9@$!|+][A-Za-z0-9@$!|+]{0,20}")
_LEET_SIGN = re.compile(r"[0-9@$!|+]")


def _unleet(token: str) -> str:
    """The common word that a token spells, empty where it spells none."""
    lower = token.lower()
    for reading in (lower, lower.rstrip("!|+")):
        for table in (_AS_I, _AS_L):
            if (word := reading.translate(table)) in COMMON:
                return word + token[len(reading) :]
    return ""


def leet_pieces(text: str) -> list[Piece]:
    """Words with digits and signs for letters, each in its place."""
    pieces, found, has_strong = [], set(), False
    for match in _LEET_TOKEN.finditer(text):
        signs = len(_LEET_SIGN.findall(match[0].rstrip("!|+")))
        if not signs:
            continue
        if word := _unleet(match[0]):
            is_number = match[0].isdigit()
            if not is_number:
                found.add(word.rstrip("!|+"))
            has_strong |= signs >= 2 and not STRONG.isdisjoint(found) and not is_number
        elif signs < len(match[0]):
            word = match[0].translate(_AS_I)
        if word:
            pieces.append(Piece(match.start(), match.end(), word, 1))
    return pieces if has_strong or is_evidence(found) else []


_TURNED = dict(zip(
    "ɐqɔpǝɟƃɥᴉıɾʞlɯuodbɹsʇnʌʍxʎz∀ᗺƆᗡƎℲפ⅁ſ˥WԀᴚ┴⊥∩Λ⅄‾¡¿˙",
    "abcdefghiijklmnopqrstuvwxyzABCDEFGGJLMPRTTUVY_!?.",
    strict=True,
))  # fmt: skip
_TURN = str.maketrans(_TURNED)
_TURNED_SIGNS = re.compile("[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀Ⅎ⅄˙]")


def turned_pieces(text: str) -> list[Piece]:
    """Lines of upside-down text; most are read from the right, some from the left."""
    pieces = []
    at = 0
    for line in text.splitlines(keepends=True):
        if len(_TURNED_SIGNS.findall(line)) >= 3:
            turned = line.translate(_TURN)
            right, left = _known(turned[::-1]), _known(turned)
            if max(right, left) >= 4:
                is_right = right >= left
                shown = turned[::-1] if is_right else turned
                pieces.append(Piece(at, at + len(line), shown, BACKWARD if is_right else 1))
        at += len(line)
    return pieces


def _known(text: str) -> int:
    return sum(len(word) for word in _TOKEN.findall(text.lower()) if word in COMMON)


_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_BARE = {
    "ı": "i", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ß": "ss", "æ": "ae",
    "œ": "oe", "Ø": "O", "Đ": "D", "Ł": "L", "Ħ": "H", "Ŧ": "T", "ẞ": "SS", "ƀ": "b", "ɨ": "i",
}  # fmt: skip


_ACCENTED_WORD = re.compile(
    "(?<![A-Za-z\u00c0-\u024f\u1e00-\u1eff])[A-Za-z]{0,20}[\u00c0-\u024f\u1e00-\u1eff]"
    "[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{0,20}"
)


def _bared(word: str) -> str:
    """A word in small letters without accents; the dot that small İ leaves behind goes too."""
    return "".join(map(_bare, word)).replace("\u0307", "")


def _bare(char: str) -> str:
    return _BARE.get(char) or unicodedata.normalize("NFD", char)[0]


def unaccented_pieces(text: str, words: set[str]) -> list[Piece]:
    """Accented letters bared, where that makes common words of what were none."""
    table = {ord(char): _bare(char) for char in set(_ACCENTED.findall(text))}
    if not table:
        return []
    accented = {word.lower() for word in set(_ACCENTED_WORD.findall(text))}
    gained = (COMMON & {_bared(word) for word in accented}) - words
    if STRONG.isdisjoint(gained) and not is_evidence(gained):
        return []
    if all(len(bare) == 1 for bare in table.values()):
        return [Piece(0, len(text), text.translate(table), 1)]
    return [
        Piece(match.start(), match.end(), bare, 1 if len(bare) == 1 else 0)
        for match in _ACCENTED.finditer(text)
        if (bare := table[ord(match[0])]) != match[0]
    ]
