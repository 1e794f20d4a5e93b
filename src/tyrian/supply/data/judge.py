"""Judges of texts, which the scan gets by argument: the supply chain knows no detectors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tyrian.supply.data.prefilter import suspects


class Hit(NamedTuple):
    """What a judge found in a text; `start` and `end` are both 0 where it has no single place."""

    rule: str
    start: int
    end: int
    why: str
    score: float


Judge = Callable[[str], Iterable[Hit]]


class Judges(NamedTuple):
    """Who reads the texts of a dataset."""

    suspicious: tuple[Judge, ...] = ()
    """Costly ones, which read what the first look lets through."""
    every: tuple[Judge, ...] = ()
    """Those that read every text."""


JudgeFactory = Callable[[], Judges]
"""Makes the judges where they are needed; workers import it by its name."""

MOST_AT_ONCE = 20_000
"""Characters that a judge reads at once; longer texts are read in pieces."""
_OVERLAP = 1_000


def judged(texts: Sequence[str], judges: Judges) -> Iterator[tuple[int, Hit]]:
    """Place of the text and hit, in the order of the texts."""
    chosen = set(suspects(texts)) if judges.suspicious else set()
    for at, text in enumerate(texts):
        called = judges.every + (judges.suspicious if at in chosen else ())
        seen: set[Hit] = set()
        for start in range(0, max(len(text), 1), MOST_AT_ONCE - _OVERLAP):
            piece = text[start : start + MOST_AT_ONCE]
            for judge in called:
                for hit in judge(piece):
                    moved = hit
                    if hit.end:
                        moved = hit._replace(start=hit.start + start, end=hit.end + start)
                    if moved not in seen:
                        seen.add(moved)
                        yield at, moved
            if start + MOST_AT_ONCE >= len(text):
                break
