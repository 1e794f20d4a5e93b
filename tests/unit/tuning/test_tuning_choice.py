"""Rates, thresholds and bands: pure arithmetic, held by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.tuning.answers import Answer, GuardRows
from tyrian.tuning.band import Band, asked, bands, best_within, frontier, least_asked, mixed
from tyrian.tuning.choose import auc, choose, least_threshold, roc, rows_needed
from tyrian.tuning.labels import Truth, Vocabulary, counted, is_vague, split
from tyrian.tuning.rates import Rate, beta_cdf
from tyrian.tuning.tune import tune_guard

SCORES = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, 1e-9, 0.999999])),
    min_size=1,
    max_size=60,
)
LIMIT = st.floats(0.001, 0.9)


@given(without=SCORES, limit=LIMIT)
def test_a_chosen_threshold_always_respects_the_limit(without: list[float], limit: float) -> None:
    threshold = least_threshold(np.array(without), limit)
    if threshold is None:
        assert sum(score >= 1.0 for score in without) > limit * len(without)
    else:
        assert 0.0 <= threshold <= 1.0
        assert sum(score >= threshold for score in without) <= limit * len(without) + 1e-6


@given(without=SCORES, limit=LIMIT)
def test_no_lower_threshold_with_six_decimals_would_do(without: list[float], limit: float) -> None:
    threshold = least_threshold(np.array(without), limit)
    if threshold:
        below = round(threshold - 1e-6, 6)
        assert sum(score >= below for score in without) > limit * len(without) - 1e-6


@given(without=SCORES, limits=st.tuples(LIMIT, LIMIT))
def test_a_stricter_limit_never_lowers_the_threshold(
    without: list[float], limits: tuple[float, float]
) -> None:
    strict, loose = (least_threshold(np.array(without), limit) for limit in sorted(limits))
    assert strict is None or (loose is not None and strict >= loose)


@given(rows=SCORES, without=SCORES, limits=st.tuples(LIMIT, LIMIT))
def test_a_looser_limit_never_lowers_the_recall(
    rows: list[float], without: list[float], limits: tuple[float, float]
) -> None:
    strict, loose = (choose(rows, without, limit) for limit in sorted(limits))
    assert strict is None or (loose is not None and loose.recall.hits >= strict.recall.hits)


@given(hits=st.integers(0, 300), more=st.integers(0, 3000))
def test_an_interval_holds_its_rate(hits: int, more: int) -> None:
    rate = Rate(hits, hits + more)
    low, high = rate.interval()
    assert 0.0 <= low <= rate.value <= high <= 1.0


def test_intervals_are_those_of_the_textbook() -> None:
    # Clopper and Pearson's own limits, as tables of the binomial distribution give them.
    assert Rate(0, 100).interval() == pytest.approx((0.0, 0.0362), abs=1e-4)
    assert Rate(1, 100).interval() == pytest.approx((0.00025, 0.05446), abs=1e-5)
    assert Rate(50, 100).interval() == pytest.approx((0.39832, 0.60168), abs=1e-5)
    assert Rate(10, 10).interval() == pytest.approx((0.69150, 1.0), abs=1e-5)
    assert Rate(0, 0).interval() == (0.0, 1.0)


def test_the_beta_distribution_agrees_with_scipy() -> None:
    special = pytest.importorskip("scipy.special", reason="needs the extra train")
    for a, b in ((1, 1), (0.5, 7), (3, 998), (4000, 12)):
        for x in (0.001, 0.01, 0.3, 0.5, 0.97, 0.9999):
            assert beta_cdf(x, a, b) == pytest.approx(float(special.betainc(a, b, x)), abs=1e-9)


def test_a_share_of_more_than_all_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        Rate(3, 2)


@given(rows=SCORES, without=SCORES)
def test_the_curve_rises_and_its_area_is_the_share_of_pairs(
    rows: list[float], without: list[float]
) -> None:
    positive, negative = np.array(rows), np.array(without)
    fpr, tpr = roc(positive, negative)
    assert (np.diff(fpr) >= 0).all()
    assert (np.diff(tpr) >= 0).all()
    assert (fpr[-1], tpr[-1]) == (1.0, 1.0)
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert auc(positive, negative) == pytest.approx(float(pairs.mean()))


def test_the_rows_needed_follow_from_the_limit() -> None:
    assert [rows_needed(limit) for limit in (0.5, 0.1, 0.01, 0.003)] == [2, 10, 100, 334]


def rows_of(benign: list[float], unsafe: list[float], *, kind: str = "prompt_guard") -> GuardRows:
    rows = GuardRows("guard", kind, Stage.TOOL_RESULT, "embedded", {"*": 0.5})
    for score in benign:
        rows.truths.append(Truth.of(["benign"]))
        rows.own.append(Answer({"injection": score}))
    for score in unsafe:
        rows.truths.append(Truth.of(["injection"]))
        rows.own.append(Answer({"injection": score}))
    return rows


def test_too_few_rows_are_a_refusal_and_never_a_number() -> None:
    tuned = tune_guard(rows_of([0.1] * 99, [0.9] * 5), 0.01)
    assert tuned.thresholds == {}
    assert "99 rows" in tuned.labels[0].refusal
    assert "100" in tuned.labels[0].refusal
    assert not tuned.is_complete


def test_labels_that_no_row_has_are_left_alone() -> None:
    rows = rows_of([0.1] * 200, [0.9] * 5)
    rows.own = [Answer({**answer.scores, "S1": 0.2}) for answer in rows.own]
    tuned = tune_guard(rows, 0.01)
    assert tuned.silent == ("S1",)
    assert set(tuned.thresholds) == {"injection"}


def test_scores_of_one_leave_no_threshold() -> None:
    tuned = tune_guard(rows_of([1.0] * 200, [1.0] * 5), 0.01)
    assert tuned.thresholds == {}
    assert "score 1" in tuned.labels[0].refusal


def test_attacks_count_in_the_words_of_the_channel() -> None:
    both, one = ("injection", "jailbreak"), ("jailbreak",)
    said = Truth.of(["injection"])
    assert counted(said, "prompt_guard", both, Stage.INPUT) == {"injection"}
    assert counted(said, "prompt_guard_2", one, Stage.INPUT) == {"jailbreak"}
    user = Truth.of(["jailbreak"])
    assert counted(user, "prompt_guard", ("injection",), Stage.TOOL_RESULT) == {"injection"}
    assert counted(Truth.of(["S1"]), "prompt_guard", both, Stage.INPUT) == frozenset()
    assert counted(Truth.of(["malicious"]), "prompt_guard", both, Stage.INPUT) == set(both)
    assert counted(Truth.of(["house-rule"]), "llama_guard_3", ("S1", "house-rule"), Stage.INPUT)


@pytest.mark.parametrize(
    ("word", "labels"),
    [
        ("Injection", {"injection"}),
        ("JAILBREAK", {"jailbreak"}),
        *((word, {"injection", "jailbreak"}) for word in ("1", "attack", "Unsafe", "MALICIOUS")),
        *((word, {"injection", "jailbreak"}) for word in ("prompt_injection", "Prompt-Injection")),
    ],
)
def test_an_attack_counts_however_it_is_spelled(word: str, labels: set[str]) -> None:
    said = Truth.of([word])
    assert counted(said, "prompt_guard", ("injection", "jailbreak"), Stage.INPUT) == labels
    assert Vocabulary().unknown(said) == []


def test_words_that_stand_for_nothing_are_unknown() -> None:
    own = Vocabulary(("S1", "trade-secret"))
    assert own.unknown(Truth.of(["s9", "Trade-Secret", "benign"])) == []
    assert own.unknown(Truth.of(["injektion", "S1", "S15"])) == ["S15", "injektion"]
    assert Vocabulary().unknown(Truth.of(["trade-secret"])) == ["trade-secret"]
    assert "S1 to S14, trade-secret" in str(own)


def test_an_unsafe_row_without_a_class_says_nothing_to_a_content_guard() -> None:
    at = ("content_guard", ("S1", "S9"), Stage.INPUT)
    assert is_vague(Truth.of(["unsafe"]), *at)
    assert not is_vague(Truth.of(["unsafe", "s9"]), *at)
    assert not is_vague(Truth.of(["benign"]), *at)
    assert not is_vague(Truth.of(["unsafe"]), "prompt_guard", ("injection",), Stage.INPUT)
    assert counted(Truth.of(["s9"]), *at) == {"S9"}


def test_a_row_of_another_label_of_the_guard_is_no_false_alarm() -> None:
    rows = [frozenset({"S1"}), frozenset({"S10"}), frozenset[str](), frozenset({"S1", "S10"})]
    assert split(rows, "S1") == ([0, 3], [2])


def cascade_rows() -> GuardRows:
    """A first model that knows nothing between 0.2 and 0.8, and a large one that knows all."""
    rows = rows_of([0.01] * 200 + [0.1] * 20, [0.9] * 30 + [0.99] * 30)
    unsure = [0.05] * 150 + [0.5] * 70
    rows.first = [
        Answer({"injection": s}, cpu_s=0.001) for s in (*unsure, *[0.5] * 30, *[0.9] * 30)
    ]
    rows.own = [Answer(answer.scores, cpu_s=0.1) for answer in rows.own]
    rows.unsure = (0.2, 0.8)
    return rows


def test_the_curve_of_a_cascade_trades_cost_for_recall() -> None:
    found = bands(cascade_rows(), 0.01)
    best = frontier(found)
    shares = [band.asked.value for band in best]
    recalls = [band.recall.value for band in best]
    assert shares == sorted(shares)
    assert recalls == sorted(recalls)
    assert best[0].asked.hits == 0
    assert recalls[-1] == 1.0
    assert best[-1].cpu_s > best[0].cpu_s
    assert all(band.false_positives.value <= 0.01 for band in found)


def test_the_best_band_keeps_to_its_budget() -> None:
    found = bands(cascade_rows(), 0.01)
    within = best_within(found, 0.4)
    assert within is not None
    assert within.asked.value <= 0.4
    assert within.recall.value == 1.0
    assert best_within(found, 1e-9) is None or best_within(found, 1e-9).asked.hits == 0  # type: ignore[union-attr]


def gap_rows(first: list[float], effect: Effect) -> GuardRows:
    """Rows of whose images the first model knows nothing, with the effect of what it finds."""
    rows = rows_of([0.01] * 100, [0.9] * len(first))
    scores = [0.05] * 100 + first
    rows.first = [Answer({"injection": s}, cpu_s=0.001, left_out=True) for s in scores]
    rows.own = [Answer(answer.scores, cpu_s=0.1) for answer in rows.own]
    rows.effect_of = lambda _: effect
    return rows


def band_of(rows: GuardRows, low: float, high: float) -> Band:
    rows.unsure = (low, high)
    return next(one for one in bands(rows, 0.01) if (one.low, one.high) == (low, high))


def test_what_the_first_model_leaves_out_is_asked_about_whatever_the_band() -> None:
    rows = gap_rows([0.95] * 10, Effect.BLOCK)
    for low, high in ((0.0, 0.0), (0.2, 0.8), (0.5, 0.9)):
        band = band_of(rows, low, high)
        assert band.asked == Rate(100, 100)
        assert band.asked_unsafe == Rate(0, 10)
        assert band.cpu_s == pytest.approx(0.101)
        assert band.recall == Rate(10, 10)


def test_a_hit_of_the_first_model_that_does_not_block_is_asked_about() -> None:
    band = band_of(gap_rows([0.95] * 10, Effect.FLAG), 0.2, 0.8)
    assert band.asked_unsafe == Rate(10, 10)
    assert band.recall == Rate(10, 10)


def test_a_hit_below_its_threshold_settles_nothing() -> None:
    rows = gap_rows([0.85] * 10, Effect.BLOCK)
    rows.first[:10] = [Answer({"injection": 0.9}, left_out=True)] * 10
    band = band_of(rows, 0.2, 0.8)
    assert band.tuning.thresholds["injection"] > 0.85
    assert band.asked_unsafe == Rate(10, 10)
    assert band.asked == Rate(100, 100)


@given(
    first=st.lists(st.floats(0, 1), min_size=100, max_size=120),
    own=st.lists(st.floats(0, 1), min_size=100, max_size=120),
    edge=st.tuples(LIMIT, LIMIT).map(sorted),
)
def test_a_row_fires_exactly_where_the_cascade_would_block_it(
    first: list[float], own: list[float], edge: list[float]
) -> None:
    rows = rows_of(own[:100], [])
    rows.first = [
        Answer({"injection": s}, left_out=at % 2 == 0) for at, s in enumerate(first[:100])
    ]
    at_edge = (edge[0], edge[1])
    asks = asked(rows, at_edge, {"injection": 0.5})
    stands = np.where(asks, own[:100], first[:100]) >= 0.5
    if rows.labels:
        assert ((mixed(rows, at_edge)[:, 0] >= 0.5) == stands).all()


def test_the_least_share_is_what_the_first_model_leaves_out() -> None:
    rows = gap_rows([0.95] * 10, Effect.BLOCK)
    rows.first[:50] = [Answer({"injection": 0.05})] * 50
    found = bands(rows, 0.01)
    assert least_asked(found) == 0.5
    assert best_within(found, 0.4) is None
    assert least_asked(bands(cascade_rows(), 0.01)) == 0.0
