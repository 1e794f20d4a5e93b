"""Words pulled apart letter by letter, and words run together."""

import re
from collections import Counter
from itertools import chain, zip_longest

from tyrian.text.rewrite import Piece
from tyrian.text.words import COMMON, SPELT, STRONG, has_strong, segment

_SEPARATOR = r"[\s!-/:-@\[-`{-~\xa1-\xbf\u2000-\u2bff\u3000-\u303f\U0001f000-\U0001faff]"
"""Signs and blanks, but no combining marks: those belong to their letters."""
_SPREAD = re.compile(rf"(?<![^\W_])[^\W_](?:{_SEPARATOR}{{1,4}}[^\W_](?![^\W_])){{4,}}")
_GAP = re.compile(rf"({_SEPARATOR}+)")
_LEAST_WORD = 4


def spread_pieces(text: str) -> list[Piece]:
    """Letters with spaces, dots, bars, dashes, line ends between them, put together again."""
    return [
        Piece(match.start(), match.end(), joined)
        for match in _SPREAD.finditer(text)
        if (joined := _join(match[0]))
    ]


def _join(spread: str) -> str:
    """The words of spread letters, empty where they do not spell any."""
    parts = _GAP.split(spread)
    letters, gaps = parts[::2], parts[1::2]
    if sum(map(str.isalpha, letters)) * 10 < len(letters) * 7:
        return ""
    counts = Counter(gaps)
    usual = counts.most_common(1)[0][0]
    shown_as = {gap: " " if _is_break(gap, usual) else "" for gap in counts}
    breaks = (shown_as[gap] for gap in gaps)
    shown = "".join(chain.from_iterable(zip_longest(letters, breaks, fillvalue="")))
    cut = " ".join(_segmented("".join(letters)))
    best = max((shown, cut), key=_spelt)
    if any(len(w) >= _LEAST_WORD and w in COMMON for w in best.lower().split()):
        return best
    return shown if _is_like_language(shown) else ""


def _is_break(gap: str, usual: str) -> bool:
    spaces = sum(map(str.isspace, gap))
    return spaces > sum(map(str.isspace, usual)) or len(gap) > len(usual) + 1


def _spelt(text: str) -> float:
    """The share of letters in known words, long ones counting for more."""
    words = text.lower().split()
    known = sum(len(w) * len(w) for w in words if w in SPELT)
    return known / (sum(len(w) * len(w) for w in words) or 1)


def _segmented(letters: str) -> list[str]:
    return segment(letters) if letters.isascii() else [letters]


def _is_like_language(shown: str) -> bool:
    """Words in no list: several of them, in no alphabetical order, with vowels in their midst."""
    words = [w for w in shown.split() if len(w) > 2]
    letters = "".join(words).lower()
    if len(words) < 2 or len(letters) < 8 or list(letters) == sorted(letters):
        return False
    if not letters.isascii():
        return letters.isalpha()
    return 0.2 <= sum(c in "aeiouy" for c in letters) / len(letters) <= 0.6


_GLUED = re.compile(r"[A-Za-z]{16,4096}")
_LINKED = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,40}(?:[_+.|/*~-]{1,2}[A-Za-z]{1,40}){2,}")
_LINK = re.compile(r"[_+.|/*~-]+")


def glued_pieces(text: str) -> list[Piece]:
    """Words run together, or linked by other signs than spaces, when they spell an attack."""
    pieces = []
    for match in _GLUED.finditer(text):
        if not has_strong(match[0]):
            continue
        words = segment(match[0])
        if len(words) >= 3 and _is_attack(words):
            pieces.append(Piece(match.start(), match.end(), " ".join(words)))
    if not pieces:
        for match in _LINKED.finditer(text):
            if not has_strong(match[0]):
                continue
            words = _LINK.split(match[0])
            if len(words) >= 3 and _is_attack(words):
                pieces.append(Piece(match.start(), match.end(), " ".join(words)))
    return pieces


def _is_attack(words: list[str]) -> bool:
    lower = [word.lower() for word in words]
    known = sum(len(word) for word in lower if word in SPELT)
    return known * 10 >= sum(map(len, lower)) * 8 and not STRONG.isdisjoint(lower)
