"""What a word, or two with a blank between them, may have been before the fingers slipped.

The channel of the noisy channel model (Kernighan, Church and Gale, 1990): each reading has a cost,
the negative natural logarithm of how likely such a slip is, and the language decides between them.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import log

from tyrian.text.spelling.language import PARTS, language
from tyrian.text.spelling.lexicon import lexicon
from tyrian.text.spelling.slips import FAR, MORE, NEAR, READY, effort

Reading = tuple[tuple[str, ...], float]
"""The words that were meant, and the cost."""

_COSTS = {READY: 4.5, MORE: 7.0, NEAR: 7.0, FAR: 9.0}
_TWICE, _STUTTERED = 11.0, 7.0
_BLANK = 5.0
"""The cost of a blank left out or typed one letter further."""
_OTHER_WORD = 3.0
"""How much less likely a slip is that makes another form of the word."""
_ENDINGS = ("s", "d", "r", "y", "n", "es", "ed", "er", "ly", "al", "ing", "ion")
_MOST_ODD, _MOST_KNOWN, _MOST_PARTED, _MOST_PARTS = 5, 3, 4, 3
"""Readings of a word that is in no list, of another one, as two words, and of each of these."""
_LEAST, _MOST = 2, 32
"""Letters of a misspelt word, or of two run together: a single one is a name more often."""
_LEAST_PARTED, _LEAST_PARTED_MISSPELT = 3, 7
"""Letters of two words in one, and where one of them has a slip besides."""
_LONGEST_PART = max(map(len, PARTS))
_REMEMBERED = 1 << 15


@lru_cache(_REMEMBERED)
def readings(word: str) -> tuple[Reading, ...]:
    """All that a word may stand for, itself first."""
    if len(word) > _MOST:
        return (((word,), 0.0),)
    alone = (((word,), 0.0), *(((meant,), cost) for meant, cost in meant_by(word)))
    if word in language():
        return alone
    parted = _parted(word, one_misspelt=len(alone) == 1)
    if len(alone) == 1 and (meant := lexicon().twice_misspelt(word)):
        alone = (*alone, ((meant,), _TWICE))
    return (*alone, *parted)


@lru_cache(_REMEMBERED)
def meant_by(word: str) -> tuple[tuple[str, float], ...]:
    """The known words that are one slip away, the likeliest of all texts first."""
    if not _LEAST <= len(word) <= _MOST:
        return ()
    known = lexicon()
    near = (*known.near(word), *_short(word))
    found = {meant: _COSTS[effort(word, meant) or FAR] for meant in near}
    is_odd = word not in language()
    if is_odd and (meant := known.unstuttered(word)):
        found[meant] = min(found.get(meant, _STUTTERED), _STUTTERED)
    best = sorted(found.items(), key=_unlikeliness)[: _MOST_ODD if is_odd else _MOST_KNOWN]
    costs = [(meant, cost + _OTHER_WORD * is_other_word(word, meant)) for meant, cost in best]
    return tuple(sorted(costs, key=_unlikeliness))


def is_cut(word: str) -> bool:
    """Whether a word is a known one without its last letter, as where a text was cut."""
    return any(meant.startswith(word) for meant, _ in meant_by(word))


def moved(left: str, right: str) -> Iterator[Reading]:
    """What two words may stand for whose blank is one letter too far to one side."""
    if len(left) + len(right) > _MOST:
        return
    known = language()
    for one, other in ((left + right[0], right[1:]), (left[:-1], left[-1] + right)):
        if not one or not other:
            continue
        if one in known and other in known:
            yield (one, other), _BLANK
        elif one in known:
            for meant, cost in meant_by(other)[:_MOST_PARTS]:
                yield (one, meant), _BLANK + cost
        elif other in known:
            for meant, cost in meant_by(one)[:_MOST_PARTS]:
                yield (meant, other), _BLANK + cost


def _short(word: str) -> Iterator[str]:
    """The parts of words that are one slip away."""
    near = PARTS if len(word) <= _LONGEST_PART + 1 else ()
    return (part for part in near if part != word and effort(word, part))


def _parted(word: str, *, one_misspelt: bool) -> tuple[Reading, ...]:
    """The word as two that were run together, of which one may have a slip besides."""
    if len(word) < _LEAST_PARTED:
        return ()
    cuts = [(word[:at], word[at:]) for at in range(1, len(word))]
    whole = (cut for cut in cuts if all(part in language() for part in cut))
    found: list[Reading] = [(cut, _BLANK) for cut in whole]
    if one_misspelt and not found and len(word) >= _LEAST_PARTED_MISSPELT:
        found = [reading for cut in cuts for reading in _misspelt_parts(*cut)]
    return tuple(sorted(found, key=_unlikely_parts)[:_MOST_PARTED])


def _misspelt_parts(left: str, right: str) -> Iterator[Reading]:
    known = lexicon().frequent
    if left in known and len(right) > _LEAST:
        for meant, cost in meant_by(right)[:_MOST_PARTS]:
            yield (left, meant), _BLANK + cost
    elif right in known and len(left) > _LEAST:
        for meant, cost in meant_by(left)[:_MOST_PARTS]:
            yield (meant, right), _BLANK + cost


def _unlikeliness(meant: tuple[str, float]) -> float:
    word, cost = meant
    return cost - log(1 + language().count(word))


def _unlikely_parts(reading: Reading) -> float:
    words, cost = reading
    return sum(_unlikeliness((word, 0.0)) for word in words) + cost


def is_other_word(word: str, meant: str) -> bool:
    """True where one is the other with an ending, and that is no letter typed twice."""
    short, long = sorted((word, meant), key=len)
    if long == short + short[-1:] and long == word:
        return False
    stem = short.removesuffix("e")
    return any(long in (short + ending, stem + ending) for ending in _ENDINGS)
