"""What changed in a dataset since its manifest: each row that is another, gone, new or moved."""

import itertools
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec


class ChangeKind(StrEnum):
    """What became of a row."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    MOVED = "moved"


class Change(msgspec.Struct, frozen=True):
    """One row that is not as the manifest has it."""

    kind: ChangeKind
    file: str
    row: int
    """In the manifest; of an added row, in the dataset."""
    now: int = 0
    """Where a changed or moved row is now; 0 for those that are gone."""


Rows = Sequence[tuple[int, bytes]]
"""Number and digest of each row of a file, in order."""


def changes(file: str, before: Rows, after: Rows) -> Iterator[Change]:
    """The changes of one file, in the order of its rows.

    Rows with equal digests are the same row; the most of them that kept their order stay, the
    others have moved. What is left between two rows that stay is paired off as changed.
    """
    start = 0
    least = min(len(before), len(after))
    while start < least and before[start][1] == after[start][1]:
        start += 1
    end = 0
    while end < least - start and before[-1 - end][1] == after[-1 - end][1]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    yield from sorted(_between(file, old, new), key=lambda one: (one.row, one.kind))


def _between(file: str, old: Rows, new: Rows) -> Iterator[Change]:
    places: dict[bytes, deque[int]] = defaultdict(deque)
    for at, (_, digest) in enumerate(new):
        places[digest].append(at)
    matched = [
        (at, places[digest].popleft()) for at, (_, digest) in enumerate(old) if places.get(digest)
    ]
    staying = _longest_rising([at for _, at in matched])
    for at, there in matched:
        if there not in staying:
            yield Change(ChangeKind.MOVED, file, old[at][0], new[there][0])
    fixed = [(at, there) for at, there in matched if there in staying]
    left = {at for at, _ in matched}
    come = {there for _, there in matched}
    bounds = [(-1, -1), *fixed, (len(old), len(new))]
    for (low, low_new), (high, high_new) in itertools.pairwise(bounds):
        gone = [at for at in range(low + 1, high) if at not in left]
        fresh = [at for at in range(low_new + 1, high_new) if at not in come]
        for one, other in zip(gone, fresh, strict=False):
            yield Change(ChangeKind.CHANGED, file, old[one][0], new[other][0])
        for one in gone[len(fresh) :]:
            yield Change(ChangeKind.MISSING, file, old[one][0])
        for other in fresh[len(gone) :]:
            yield Change(ChangeKind.ADDED, file, new[other][0])


def _longest_rising(values: Sequence[int]) -> set[int]:
    """The values of a longest rising subsequence (by patience sorting)."""
    tails: list[int] = []
    tops: list[int] = []
    before: list[int] = []
    for at, value in enumerate(values):
        pile = bisect_left(tails, value)
        before.append(tops[pile - 1] if pile else -1)
        if pile == len(tails):
            tails.append(value)
            tops.append(at)
        else:
            tails[pile], tops[pile] = value, at
    found: set[int] = set()
    at = tops[-1] if tops else -1
    while at >= 0:
        found.add(values[at])
        at = before[at]
    return found
