"""The likeliest words that a hastily typed text was meant to have.

A beam search over what each word may stand for (`channel`) and how well the words follow each
other (`language`): Viterbi's, where a state is the word before.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
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


class _Step(NamedTuple):
    score: float
    start: int
    before: str
    words: tuple[str, ...]


def decoded(words: Sequence[Word], found: Mapping[str, str]) -> list[Meant]:
    """What the words stand for, in order; most of them for themselves.

    `found` holds what some of them are likely to stand for.
    """
    looked_up = _looked_up(words)
    states: list[dict[str, _Step]] = [{} for _ in range(len(words) + 1)]
    states[0][OTHER] = _Step(0.0, 0, OTHER, ())
    for at in range(len(words)):
        best = sorted(states[at].items(), key=lambda one: -one[1].score)[:_BEAM]
        for end, (meant, cost) in _readings(words, at, looked_up, found):
            arrived = states[end]
            for before, step in best:
                score, last = step.score - cost, before
                for word in meant:
                    score += _log_probability(word, last)
                    last = word
                if last not in arrived or arrived[last].score < score:
                    arrived[last] = _Step(score, at, before, meant)
    return _path(states)


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
    if word.text not in looked_up or word.is_fixed:
        yield at + 1, ((word.text,), 0.0)
        return
    if meant := found.get(word.text):
        yield at + 1, ((meant,), _FOUND)
    for reading in readings(word.text):
        yield at + 1, reading
    if word.is_joined and words[at + 1].text in looked_up and not words[at + 1].is_fixed:
        for reading in moved(word.text, words[at + 1].text):
            yield at + 2, reading


def _path(states: Sequence[dict[str, _Step]]) -> list[Meant]:
    """Back from the best of the last states."""
    end = len(states) - 1
    last = max(states[end], key=lambda word: states[end][word].score)
    path = []
    while end:
        step = states[end][last]
        path.append(Meant(step.start, end, step.words))
        end, last = step.start, step.before
    return path[::-1]
