"""The likeliest words that a hastily typed text was meant to have.

A beam search over what each word may stand for (`channel`) and how well the words follow each
other (`language`): Viterbi's, where a state is the word before.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import nlargest
from typing import NamedTuple

from tyrian.text.spelling.channel import Reading, moved, readings
from tyrian.text.spelling.language import OTHER, language

_BEAM = 4
"""States that are followed up at each place."""
_LOOKED_UP = 512
"""Different words of a text that are looked up: a lookup takes longer than all the rest."""
_REMEMBERED = 1 << 15
_FOUND = 5.0
"""The cost of what a word is known to stand for."""


class Word(NamedTuple):
    """A word in small letters; `is_fixed` where it is part of some code."""

    text: str
    is_fixed: bool
    is_joined: bool
    """True where only a blank stands between it and the next one."""


class Meant(NamedTuple):
    """What the words `start:end` stand for."""

    start: int
    end: int
    words: tuple[str, ...]


_Changes = tuple["_Changes", int, int, tuple[str, ...]] | None
"""What was changed before, start, end, words. Plain tuples cost no garbage collection."""


def decoded(words: Sequence[Word], found: Mapping[str, str]) -> list[Meant]:
    """The words that stand for others, in order, and what for.

    `found` holds what some of them are likely to stand for.
    """
    looked_up = _looked_up(words)
    here: dict[str, tuple[float, _Changes]] = {OTHER: (0.0, None)}
    beyond: dict[str, tuple[float, _Changes]] = {}
    for at, word in enumerate(words):
        after, beyond = beyond, {}
        best = nlargest(_BEAM, here.items(), key=_score)
        for end, (meant, cost) in _readings(words, at, looked_up, found):
            arrived = after if end == at + 1 else beyond
            is_changed = meant != (word.text,)
            for before, (score, changes) in best:
                score, last = score - cost, before
                for one in meant:
                    score += _log_probability(one, last)
                    last = one
                if last not in arrived or arrived[last][0] < score:
                    then = (changes, at, end, meant) if is_changed else changes
                    arrived[last] = (score, then)
        here = after
    return _unrolled(max(here.items(), key=_score)[1][1])


def _score(state: tuple[str, tuple[float, _Changes]]) -> float:
    return state[1][0]


def _unrolled(changes: _Changes) -> list[Meant]:
    found = []
    while changes:
        changes, start, end, words = changes
        found.append(Meant(start, end, words))
    return found[::-1]


@lru_cache(_REMEMBERED)
def _log_probability(word: str, before: str) -> float:
    return language().log_probability(word, before)


def _looked_up(words: Sequence[Word]) -> frozenset[str]:
    """The first words that are not part of some code, those that are in no list before others."""
    some = dict.fromkeys(word.text for word in words if not word.is_fixed)
    return frozenset(sorted(some, key=lambda word: word in language())[:_LOOKED_UP])


def _readings(
    words: Sequence[Word], at: int, looked_up: frozenset[str], found: Mapping[str, str]
) -> Iterator[tuple[int, Reading]]:
    """What may be meant by the word at a place, with the next one where their blank moved."""
    word = words[at]
    if not word.is_fixed and (meant := found.get(word.text)):
        yield at + 1, ((meant,), _FOUND)
    if word.text not in looked_up or word.is_fixed:
        yield at + 1, ((word.text,), 0.0)
        return
    for reading in readings(word.text):
        yield at + 1, reading
    if not word.is_joined or at + 1 == len(words):
        return
    after = words[at + 1]
    if after.text in looked_up and not after.is_fixed:
        for reading in moved(word.text, after.text):
            yield at + 2, reading
