"""What-ifs decide as the firewall itself would, from what was recorded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import (
    Detection,
    DetectorInfo,
    DetectorRun,
    Finding,
    RunStatus,
    Stage,
    View,
)
from tyrian.core.message import Message, ToolCall
from tyrian.errors import InputError
from tyrian.firewall.decide import weigh
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.gateway.console.playground.recorded_chat import guards_of
from tyrian.gateway.console.playground.recording import (
    KeptDecision,
    KeptRun,
    Record,
    Recorder,
)
from tyrian.gateway.console.playground.rejudge import (
    Change,
    changed,
    named_policy,
    places,
    rejudge,
    told,
)
from tyrian.policy.guard import GuardPolicy, GuardRule


class Words:
    """Finds three words, each under a label of its own."""

    info = DetectorInfo("words", "words", ("attack", "secret", "odd"))
    is_bounded = True
    reads_trace = False

    def detect(self, view: View) -> Detection:
        found = []
        for word, score in (("attack", 0.7), ("secret", 1.0), ("odd", 0.6)):
            start = view.text.find(word)
            if start >= 0:
                end = start + len(word)
                found.append(
                    Finding(f"words.{word}", word, word, score=score, start=start, end=end)
                )
        return Detection.from_findings(tuple(found))


EFFECTS = {"attack": Effect.BLOCK, "secret": Effect.REDACT, "odd": Effect.FLAG}
STAGES = (Stage.INPUT, Stage.OUTPUT, Stage.TOOL_CALL)


def firewall() -> Firewall:
    return Firewall(
        [Guard(Words(), stage) for stage in STAGES],
        GuardPolicy([GuardRule("words", stage, EFFECTS) for stage in STAGES]),
    )


async def recorded(guard: Firewall, *messages: tuple[Message, int | None]) -> Record:
    recorder = Recorder(guard.policy, guards_of(guard))
    for message, index in messages:
        recorder(await guard.scan(message), index)
    record = recorder.record("req_1", "model")
    # As it comes back from the store.
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(record)), Record)


async def test_under_its_own_policy_nothing_changes() -> None:
    guard = firewall()
    texts = ("an attack", "a secret", "an odd thing", "nothing", "an odd secret attack")
    record = await recorded(guard, *((Message.user(text), i) for i, text in enumerate(texts)))
    found = rejudge(record, guard.policy, guards_of(guard))
    assert [one.is_changed for one in found] == [False] * 5
    assert told(found) == "Nothing would change."


async def test_a_higher_threshold_lets_pass_and_says_what_is_not_known() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.user("an attack"), 0))
    policy = changed(guard.policy, [Change(Stage.INPUT, "words", "attack", threshold=0.8)])
    (found,) = rejudge(record, policy, guards_of(guard))
    assert (found.recorded.effect, found.judgement.effect) == ("block", Effect.ALLOW)
    assert "would have gone on to the model" in told([found])
    assert guard.policy.rule(Stage.INPUT, "words") is not None
    assert guard.policy.digest != policy.digest


async def test_another_effect_shows_what_would_be_replaced() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.user("an odd thing"), 0))
    policy = changed(guard.policy, [Change(Stage.INPUT, "words", "odd", effect=Effect.REDACT)])
    (found,) = rejudge(record, policy, guards_of(guard))
    assert found.judgement.effect is Effect.REDACT
    assert places(found.judgement) == [(3, 6, "odd")]


async def test_an_answer_that_would_have_been_stopped_is_told_apart() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.user("hello"), 0), (Message.assistant("so odd"), None))
    found = rejudge(record, named_policy("strict", guard.policy, guard.policy), guards_of(guard))
    assert [str(one.judgement.effect) for one in found] == ["allow", "block"]
    assert told(found) == "The answer would have been stopped."


async def test_watching_stops_nothing() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.user("a secret attack"), 0))
    (found,) = rejudge(
        record, named_policy("observe", guard.policy, guard.policy), guards_of(guard)
    )
    assert found.judgement.effect is Effect.FLAG


async def test_text_and_calls_of_an_answer_keep_their_stages() -> None:
    guard = firewall()
    call = ToolCall("1", "run", '{"x": "attack"}')
    record = await recorded(guard, (Message.assistant("odd", calls=[call]), None))
    assert [run.stage for run in record.decisions[0].runs] == [Stage.OUTPUT, Stage.TOOL_CALL]
    policy = changed(guard.policy, [Change(Stage.TOOL_CALL, "words", effect=Effect.ALLOW)])
    (found,) = rejudge(record, policy, guards_of(guard))
    assert found.judgement.effect is Effect.FLAG


async def test_places_of_a_redacted_answer_are_those_of_what_its_reader_has() -> None:
    guard = firewall()
    decision = await guard.scan(Message.assistant("so odd a secret, yes"))
    recorder = Recorder(guard.policy, guards_of(guard))
    recorder(decision, None)
    (kept,) = recorder.record("req_1", "model").decisions
    text = decision.subject.text
    assert [text[one.start : one.end] for one in kept.places] == ["odd", "[REDACTED:secret]"]
    assert [one.is_replaced for one in kept.places] == [False, True]
    assert kept.length == len(text)


async def test_of_a_blocked_answer_no_place_is_kept() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.assistant("an attack"), None))
    assert record.decisions[0].places == ()


async def test_a_record_holds_no_word_of_the_text() -> None:
    guard = firewall()
    record = await recorded(guard, (Message.user("the attack of Mr Zebedee"), 0))
    assert b"Zebedee" not in msgspec.json.encode(record)


def test_what_skipped_guards_would_say_is_not_guessed() -> None:
    policy = GuardPolicy(
        [
            GuardRule("quick", Stage.INPUT, {"bad": Effect.BLOCK}),
            GuardRule("slow", Stage.INPUT, {"bad": Effect.BLOCK}),
        ]
    )
    runs = (
        KeptRun(Stage.INPUT, "quick", RunStatus.OK, 0.0, scores={"bad": 0.9}),
        KeptRun(
            Stage.INPUT, "slow", RunStatus.SKIPPED, 0.0, "another guard had settled the matter"
        ),
    )
    kept = KeptDecision("dec_1", 0, Stage.INPUT, "block", (), runs, 5, 0.0, False)
    record = Record("req_1", "model", policy.digest, (kept,))
    lenient = changed(policy, [Change(Stage.INPUT, "quick", "bad", effect=Effect.FLAG)])
    (found,) = rejudge(record, lenient, {})
    assert found.judgement.effect is Effect.BLOCK
    assert not found.is_known


def test_a_failed_guard_follows_the_rule_for_failures() -> None:
    policy = GuardPolicy([GuardRule("words", Stage.INPUT, EFFECTS)])
    run = KeptRun(Stage.INPUT, "words", RunStatus.TIMEOUT, 2.0, "no answer within 2 s")
    kept = KeptDecision("dec_1", 0, Stage.INPUT, "block", (), (run,), 5, 2.0, False)
    record = Record("req_1", "model", policy.digest, (kept,))
    lenient = changed(policy, [Change(Stage.INPUT, "words", on_error=Effect.FLAG)])
    assert rejudge(record, policy, {})[0].judgement.effect is Effect.BLOCK
    assert rejudge(record, lenient, {})[0].judgement.effect is Effect.FLAG


def test_a_foreign_policy_leaves_out_guards_that_it_does_not_name() -> None:
    run = KeptRun(Stage.INPUT, "words", RunStatus.OK, 0.0, scores={"attack": 1.0})
    kept = KeptDecision("dec_1", 0, Stage.INPUT, "block", (), (run,), 5, 0.0, False)
    record = Record("req_1", "model", "", (kept,))
    other = GuardPolicy([GuardRule("another", Stage.INPUT, EFFECTS)])
    assert rejudge(record, other, {}, is_foreign=True)[0].judgement.effect is Effect.ALLOW
    assert rejudge(record, other, {})[0].judgement.effect is Effect.BLOCK


def test_a_change_to_a_guard_that_is_not_there_is_refused() -> None:
    policy = GuardPolicy([GuardRule("words", Stage.INPUT, EFFECTS)])
    with pytest.raises(InputError, match="no guard 'wrods'"):
        changed(policy, [Change(Stage.INPUT, "wrods", threshold=0.1)])


_scores = st.dictionaries(st.sampled_from(["attack", "odd", "new"]), st.floats(0, 1), max_size=3)
_effects = st.dictionaries(st.sampled_from(["attack", "odd", "*"]), st.sampled_from(list(Effect)))


@given(_scores, _effects, st.floats(0, 1), st.floats(0, 1))
def test_rejudging_is_weighing_and_a_lower_threshold_never_lowers_the_effect(
    scores: dict[str, float], effects: dict[str, Effect], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    run = DetectorRun("words", RunStatus.OK, 0.0, Detection(scores))
    kept = KeptDecision(
        "d", 0, Stage.INPUT, "allow", (), (KeptRun.of(Stage.INPUT, run),), 0, 0.0, False
    )
    record = Record("r", "m", "", (kept,))
    found = []
    for least in (low, high):
        policy = GuardPolicy([GuardRule("words", Stage.INPUT, effects, {"*": least})])
        (rejudged,) = rejudge(record, policy, {})
        plain = weigh(policy, Stage.INPUT, {}, [run])
        assert (rejudged.judgement.effect, rejudged.judgement.reasons) == (
            plain.effect,
            plain.reasons,
        )
        found.append(rejudged.judgement.effect)
    assert found[0] >= found[1]


@given(st.text(alphabet="attack secret odd xyz", max_size=80))
async def test_a_kept_run_comes_back_as_it_was(text: str) -> None:
    decision: Decision = await firewall().scan(Message.user(text))
    for run in decision.runs:
        packed = msgspec.json.encode(KeptRun.of(Stage.INPUT, run))
        assert msgspec.json.decode(packed, type=KeptRun).run() == run
