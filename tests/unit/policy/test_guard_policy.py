"""The guard policy: labels to effects, and failures that never allow."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, DetectorRun, RunStatus, Stage
from tyrian.errors import ConfigError
from tyrian.policy.guard import GuardPolicy, GuardRule

LABELS = ("injection", "jailbreak", "secret")
effects = st.sampled_from(list(Effect))
scores = st.floats(0.0, 1.0)
rules = st.builds(
    GuardRule,
    guard=st.just("guard"),
    stage=st.just(Stage.INPUT),
    effects=st.dictionaries(st.sampled_from([*LABELS, "*"]), effects, max_size=4),
    thresholds=st.dictionaries(st.sampled_from([*LABELS, "*"]), scores, max_size=4),
    on_error=effects,
)
strict_rules = rules.filter(lambda rule: rule.on_error is not Effect.ALLOW)
detections = st.builds(Detection, st.dictionaries(st.sampled_from(LABELS), scores))


def ok(detection: Detection, guard: str = "guard") -> DetectorRun:
    return DetectorRun(guard, RunStatus.OK, 0.001, detection)


def effect_of(rule: GuardRule, *runs: DetectorRun) -> Effect:
    return GuardPolicy([rule]).decide(rule.stage, runs)[0]


@given(strict_rules, st.sampled_from([s for s in RunStatus if s is not RunStatus.OK]))
def test_a_failed_detector_is_never_an_allow(rule: GuardRule, status: RunStatus) -> None:
    assert effect_of(rule, DetectorRun("guard", status, 0.0)) is not Effect.ALLOW


@given(strict_rules)
def test_an_ok_run_without_a_detection_counts_as_failed(rule: GuardRule) -> None:
    assert effect_of(rule, DetectorRun("guard", RunStatus.OK, 0.0)) >= rule.on_error


@given(strict_rules, st.floats(0.0, 1.0, exclude_max=True))
def test_a_text_that_was_not_wholly_judged_is_never_an_allow(rule: GuardRule, share: float) -> None:
    assert effect_of(rule, ok(Detection(coverage=share))) >= rule.on_error


@given(rules, st.lists(detections, max_size=5), detections)
def test_block_wins_whatever_else_was_found(
    rule: GuardRule, others: list[Detection], last: Detection
) -> None:
    blocking = GuardRule("blocking", Stage.INPUT, {"attack": Effect.BLOCK})
    policy = GuardPolicy([rule, blocking])
    runs = [*map(ok, others), ok(Detection({"attack": 1.0}), "blocking"), ok(last)]
    effect, reasons = policy.decide(Stage.INPUT, runs)
    assert effect is Effect.BLOCK
    assert reasons[0].effect is Effect.BLOCK


@given(rules, detections, st.sampled_from(LABELS), scores)
def test_a_higher_score_never_lowers_the_effect(
    rule: GuardRule, detection: Detection, label: str, score: float
) -> None:
    before = detection.scores.get(label, 0.0)
    higher = Detection({**detection.scores, label: max(score, before)})
    assert effect_of(rule, ok(higher)) >= effect_of(rule, ok(detection))


@given(rules, st.lists(detections, min_size=1, max_size=4), st.randoms())
def test_the_order_of_the_runs_does_not_matter(
    rule: GuardRule, found: list[Detection], random: object
) -> None:
    runs = [ok(one) for one in found]
    assert effect_of(rule, *runs) is effect_of(rule, *reversed(runs))


def test_a_run_that_no_rule_knows_blocks() -> None:
    rule = GuardRule("guard", Stage.INPUT, {"*": Effect.FLAG})
    effect, reasons = GuardPolicy([rule]).decide(Stage.INPUT, [ok(Detection(), "stranger")])
    assert effect is Effect.BLOCK
    assert reasons[0].rule == "stranger.no-rule"


def test_a_skipped_run_gives_no_reason_where_another_guard_blocks_anyway() -> None:
    policy = GuardPolicy(
        [
            GuardRule("cheap", Stage.INPUT, {"*": Effect.BLOCK}),
            GuardRule("dear", Stage.INPUT, {"*": Effect.BLOCK}),
        ]
    )
    skipped = DetectorRun("dear", RunStatus.SKIPPED, 0.0, None, "settled")
    _, reasons = policy.decide(Stage.INPUT, [ok(Detection({"x": 1.0}), "cheap"), skipped])
    assert [reason.rule for reason in reasons] == ["cheap.x"]
    effect, _ = policy.decide(Stage.INPUT, [ok(Detection(), "cheap"), skipped])
    assert effect is Effect.BLOCK


def test_a_score_at_the_threshold_counts_and_one_below_does_not() -> None:
    rule = GuardRule("guard", Stage.INPUT, {"secret": Effect.REDACT}, {"secret": 0.7})
    assert effect_of(rule, ok(Detection({"secret": 0.7}))) is Effect.REDACT
    assert effect_of(rule, ok(Detection({"secret": 0.69}))) is Effect.ALLOW


def test_a_label_of_its_own_goes_before_any_label() -> None:
    rule = GuardRule("guard", Stage.INPUT, {"*": Effect.BLOCK, "S6": Effect.FLAG})
    assert effect_of(rule, ok(Detection({"S6": 0.9}))) is Effect.FLAG
    assert effect_of(rule, ok(Detection({"S1": 0.9}))) is Effect.BLOCK


def test_an_empty_policy_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no rules"):
        GuardPolicy([])


def test_two_rules_for_one_guard_at_one_stage_are_an_error() -> None:
    rule = GuardRule("guard", Stage.INPUT, {})
    with pytest.raises(ConfigError, match="same name"):
        GuardPolicy([rule, rule])


@pytest.mark.parametrize("threshold", [math.nan, -0.1, 1.1])
def test_a_threshold_that_no_score_can_meet_is_an_error(threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        GuardRule("guard", Stage.INPUT, {"*": Effect.BLOCK}, {"*": threshold})


@given(rules, rules)
def test_policies_with_other_rules_have_other_digests(one: GuardRule, two: GuardRule) -> None:
    same = one == two
    assert (GuardPolicy([one]).digest == GuardPolicy([two]).digest) is same
