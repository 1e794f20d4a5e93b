"""Intervals, paired tests and corrections, against values known from elsewhere."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.evals.statistics.corrections import (
    above_chance,
    agreement,
    at_k,
    corrected,
    exact_floor,
    judge_quality,
    missing_bounds,
    overlap_floor,
)
from tyrian.evals.statistics.intervals import estimate, newcombe, wilson
from tyrian.evals.statistics.paired import compare, holm, least_difference, mcnemar


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe (1998), table I: 81 of 263.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_newcombe_gives_the_published_interval() -> None:
    # Newcombe (1998), part two, table II (a): 56/70 and 48/80, method 10.
    low, high = newcombe(48, 80, 56, 70)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_holds_the_rate_and_stays_in_bounds(hits: int, n: int) -> None:
    hits = min(hits, n)
    low, high = wilson(hits, n)
    assert 0.0 <= low <= hits / n + 1e-9
    assert hits / n - 1e-9 <= high <= 1.0


def test_clustered_cases_widen_the_interval() -> None:
    pick = random.Random(1)
    values: list[float] = []
    clusters: list[str] = []
    for group in range(40):
        value = float(pick.random() < 0.5)
        values += [value] * 10
        clusters += [str(group)] * 10
    alone, together = estimate(values), estimate(values, clusters)
    assert together.clusters == 40
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_equal_values_are_not_certain() -> None:
    found = estimate([1.0] * 5, ["a", "a", "b", "b", "c"])
    assert found.low < 0.6
    assert found.high == 1.0


def test_mcnemar_mid_p_of_known_pairs() -> None:
    # Fagerland, Lydersen and Laake (2013), section 4: 1 and 7 discordant pairs, mid-p 0.039.
    assert round(mcnemar(1, 7), 4) == 0.0391
    assert mcnemar(0, 0) == 1.0


def test_pairs_that_differ_one_way_are_told_from_noise() -> None:
    base = [0.0] * 100
    tuned = [1.0] * 12 + [0.0] * 88
    found = compare(base, tuned)
    assert found.p < 0.001
    assert found.low > 0.0
    assert (found.only_base, found.only_tuned) == (0, 12)


def test_equal_runs_leave_room_for_what_was_not_seen() -> None:
    found = compare([0.0] * 30, [0.0] * 30)
    assert found.p == 1.0
    assert found.low <= -0.1 < 0.1 <= found.high


def test_holm_adjusts_as_published() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )


def test_more_cases_show_smaller_differences() -> None:
    assert least_difference(250, 0.2) > least_difference(1000, 0.2) > 0.0
    assert least_difference(10, 0.2) <= 0.2


@given(st.integers(2, 9), st.data())
def test_floors_are_what_blind_draws_of_that_size_get(options: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(1, options))
    chosen = data.draw(st.integers(1, options))
    key = (1 << right) - 1
    sets = [s for s in range(2**options) if s.bit_count() == chosen]
    overlaps = [(s & key).bit_count() / (s | key).bit_count() for s in sets]
    assert overlap_floor(options, right, chosen) == pytest.approx(sum(overlaps) / len(sets))
    exact = sum(s == key for s in sets) / len(sets)
    assert exact_floor(options, right, chosen) == pytest.approx(exact)


def test_a_score_at_its_floor_is_nothing_above_chance() -> None:
    assert above_chance(0.25, 0.25) == 0.0
    assert above_chance(1.0, 0.25) == 1.0


def test_at_k_is_unbiased() -> None:
    assert at_k(10, 0, 5) == 0.0
    assert at_k(10, 3, 1) == pytest.approx(0.3)
    assert at_k(10, 6, 5) == pytest.approx(1.0)


def test_a_judges_errors_are_taken_out() -> None:
    truth = [True] * 100 + [False] * 100
    said = [True] * 80 + [False] * 20 + [True] * 10 + [False] * 90
    judge = judge_quality(truth, said)
    assert (judge.sensitivity, judge.specificity) == (0.8, 0.9)
    # Of 1,000 cases 300 are true: the judge sees 0.8 * 300 + 0.1 * 700 = 310.
    seen = estimate([1.0] * 310 + [0.0] * 690)
    found = corrected(seen, judge)
    assert found is not None
    assert found.value == pytest.approx(0.3)
    assert found.high - found.low > seen.high - seen.low


def test_a_judge_no_better_than_chance_says_nothing() -> None:
    judge = judge_quality([True, False] * 10, [True, True] * 10)
    assert corrected(estimate([1.0, 0.0]), judge) is None


def test_abstentions_of_a_judge_count_as_wrong() -> None:
    judge = judge_quality([True, True, False], [None, True, False])
    assert judge.sensitivity == 0.5
    assert judge.abstained == 1


def test_kappa_of_a_known_table() -> None:
    # Cohen's example form: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no gives 0.4.
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert agreement(first, second).kappa == pytest.approx(0.4)


def test_missing_cases_bound_the_mean() -> None:
    bounds = missing_bounds(6.0, 8, 2)
    assert (bounds.low, bounds.high) == (0.6, 0.8)
