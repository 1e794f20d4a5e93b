"""Whether a text is typed in haste, and what its words in no list stand for if it is.

In other texts nothing tells odd words from misspelt ones: names, jargon and other languages are
near some known word more often than not.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice

from tyrian.text.haste import hasty_correction
from tyrian.text.lexicon import lexicon
from tyrian.text.slips import FAR, NEAR, READY, effort

LEAST_SLOPPY, SLOPPY = 2, 10
"""Misspelt words, and one in how many words they must be, to take a text for hastily typed."""
_MOST_ODD = 3
"""One word in so many must be a known one."""
_MOST_UNMENDED = 2
"""One odd word in so many must be a misspelt one."""
_LEAST_TELLING, _LEAST_PLAIN = 4, 8
"""Letters of a misspelt word that tells something of the others, and of one that is enough in a
short text."""
_LEAST_FAR = 7
"""Letters from which a word may have any other letter for one of its own."""
_LEAST_GLUED, _LEAST_GLUED_MISSPELT = 6, 8
"""Letters of two words in one, and where one of them has a slip besides."""
_TWICE = FAR // 2
"""The effort of two slips: less than that of a key far from the right one."""
_SAMPLED = 64
"""Odd words that are looked up to find whether a text is hastily typed."""
_LOOKED_UP, _SEARCHED = 8, 128
"""Odd words of which all explanations are tried, to find that and to mend a text."""
_REMEMBERED = 1 << 15
_ENDINGS = ("s", "d", "r", "y", "n", "es", "ed", "er", "ly", "al", "ing", "ion")
"""What makes another word of a word rather than a misspelt one."""


def is_sloppy(odd: frozenset[str], found: Mapping[str, str], words: frozenset[str]) -> bool:
    """Whether a text of these words is typed in haste, by some of the odd ones.

    `found` holds what some of them are known to stand for.
    """
    step = -(-len(odd) // _SAMPLED) or 1
    some = sorted(odd)[::step]
    meant = {word: right for word in some if (right := _mended(word, found))}
    slipped = {word: right for word, right in meant.items() if not is_replaced(word, right)}
    telling = [w for w, right in slipped.items() if len(w) >= _LEAST_TELLING and w != right[1:]]
    if not any(is_ready(word, slipped[word]) for word in telling):
        return False
    if (len(words) - len(odd) + len(telling) * step) * _MOST_ODD < len(words):
        return False
    if len(words) <= SLOPPY and any(is_plain_slip(word, slipped[word]) for word in telling):
        return True
    rest = [word for word in some if word not in slipped]
    count = len(slipped) + sum(map(_is_glued, rest))
    if count < LEAST_SLOPPY:
        long = (word for word in rest if len(word) >= _LEAST_GLUED_MISSPELT)
        count += any(map(_searched, islice(long, _LOOKED_UP)))
    unknown = sum(len(word) >= _LEAST_TELLING for word in some)
    if not all(map(str.isascii, words)):
        unknown *= 2  # Known words are few in languages that are written with other letters too.
    return count >= max(LEAST_SLOPPY, unknown // _MOST_UNMENDED) and (
        count * SLOPPY * step >= len(words)
    )


def mended(odd: frozenset[str], found: Mapping[str, str]) -> dict[str, str]:
    """What the odd words of a hastily typed text stand for."""
    meant = {word: right for word in odd if (right := _mended(word, found) or _easy(word))}
    for word in islice(sorted(odd - meant.keys()), _SEARCHED):
        if right := _searched(word):
            meant[word] = right
    return meant


def _mended(word: str, found: Mapping[str, str]) -> str | None:
    """What a word with one slip stands for: what was found, or what comes more readily."""
    right, other = found.get(word), _correction(word)
    if right and other:
        return min(other, right, key=lambda meant: effort(word, meant) or _TWICE)
    return right or other


@lru_cache(_REMEMBERED)
def _correction(word: str) -> str | None:
    """The word in common use that this one stands for, where it is no form of that."""
    meant = lexicon().correction(word)
    if meant is None or is_other_word(word, meant):
        return None
    cost = effort(word, meant)
    if cost == FAR and len(word) < _LEAST_FAR:
        return None
    is_doubtful = cost == NEAR or len(word) < _LEAST_TELLING
    return None if is_doubtful and meant not in lexicon().frequent else meant


def _easy(word: str) -> str | None:
    """A short word, one of attacks, or two words without the blank."""
    return hasty_correction(word) or _parted(word)


@lru_cache(_REMEMBERED)
def _parted(word: str) -> str | None:
    """The two words in common use that were run together."""
    parts = lexicon().parts(word) if len(word) >= _LEAST_GLUED else None
    return " ".join(parts) if parts else None


@lru_cache(_REMEMBERED)
def _searched(word: str) -> str | None:
    """The word with two slips, or the two in one, that this one stands for."""
    if right := lexicon().twice_misspelt(word):
        return right
    parts = lexicon().misspelt_parts(word) if len(word) >= _LEAST_GLUED_MISSPELT else None
    return " ".join(parts) if parts else None


def _is_glued(word: str) -> bool:
    parts = _parted(word)
    return parts is not None and all(part in lexicon().frequent for part in parts.split())


def is_plain_slip(word: str, meant: str) -> bool:
    """Whether a word is long enough to leave no doubt about what is meant."""
    return len(word) >= _LEAST_PLAIN and is_ready(word, meant)


def is_one_slip(words: Sequence[str], meant: Sequence[str]) -> bool:
    """Whether one of two words is right and the other one mended as easily as could be."""
    ready = [is_ready(word, right) for word, right in zip(words, meant, strict=True)]
    return any(ready) and not all(meant)


def is_ready(word: str, meant: str) -> bool:
    """Whether a word has a slip that comes so easily that it needs no other explanation."""
    return bool(meant) and " " not in meant and effort(word, meant) == READY


def is_replaced(word: str, meant: str) -> bool:
    """True where only letters were replaced: what tells two good words apart more often."""
    return len(word) == len(meant) and sorted(word) != sorted(meant)


def is_other_word(word: str, meant: str) -> bool:
    """True where one is the other with an ending, and that is no letter typed twice."""
    short, long = sorted((word, meant), key=len)
    if long == short + short[-1:] and long == word:
        return False
    stem = short.removesuffix("e")
    return any(long in (short + ending, stem + ending) for ending in _ENDINGS)
