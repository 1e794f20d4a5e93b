"""Rows of like hits become one; nothing that was found is left out of a row."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.detectors.flood import FLOOD, Hit, joined


def row(gaps: list[int], kinds: list[int]) -> list[Hit]:
    hits: list[Hit] = []
    at = 0
    for gap, kind in zip(gaps, kinds, strict=True):
        hits.append((at, kind, at + 5, 0.5))
        at += 5 + gap
    return hits


def test_ordinary_numbers_of_hits_stay_as_they_are() -> None:
    hits = row([1] * (FLOOD - 1), [0] * (FLOOD - 1))
    assert joined(hits) == hits


def test_a_flood_of_neighbours_is_one_hit_over_all_of_them() -> None:
    hits = row([1] * FLOOD, [0] * FLOOD)
    assert joined(hits) == [(0, 0, hits[-1][2], 0.5)]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), min_size=50, max_size=50))
def test_every_hit_lies_in_a_row_of_its_kind(pattern: list[tuple[int, int]]) -> None:
    times = FLOOD // len(pattern) + 1
    hits = row([gap for gap, _ in pattern] * times, [kind for _, kind in pattern] * times)
    rows = joined(hits)
    assert rows == sorted(rows)
    assert all(before[2] <= after[0] for before, after in pairwise(rows))
    at = 0
    for start, kind, end, _ in hits:
        while rows[at][2] <= start:
            at += 1
        assert rows[at][1] == kind
        assert rows[at][0] <= start
        assert end <= rows[at][2]
