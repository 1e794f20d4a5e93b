"""The facade: stages, decisions, cache, audit, sync face, batch, stack files."""

import asyncio
import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Detection, DetectorInfo, Finding, RunStatus, Stage, View
from tyrian.core.message import ImagePart, Message, TextPart, ToolCall, Trace
from tyrian.errors import ConfigError, StoreError, TyrianError
from tyrian.firewall.audit import AuditRecord, JsonlAudit, MemoryAudit, NoAudit
from tyrian.firewall.cache import DecisionCache, message_digest
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import RedactStyle
from tyrian.policy.guard import GuardPolicy, GuardRule

SECRET = "ghp_" + "a1" * 18


@dataclass
class Matcher:
    """Finds a pattern and counts how often it was asked."""

    pattern: str = r"ghp_[A-Za-z0-9]{36}"
    label: str = "secret"
    name: str = "matcher"
    is_bounded: bool = True
    reads_trace: bool = True
    revision: str = "1"
    seen: list[View] = field(default_factory=list)

    @property
    def info(self) -> DetectorInfo:
        return DetectorInfo(self.name, "matcher", (self.label,), revision=self.revision)

    def detect(self, view: View) -> Detection:
        self.seen.append(view)
        matches = re.finditer(self.pattern, view.text)
        return Detection.from_findings(
            tuple(Finding("r", self.label, "", start=m.start(), end=m.end()) for m in matches)
        )


class Broken(Matcher):
    """Always raises."""

    def detect(self, view: View) -> Detection:
        self.seen.append(view)
        raise ValueError(view.text)


class HalfPlaced(Matcher):
    """Adds a finding without a place, as of what stands in an image."""

    def detect(self, view: View) -> Detection:
        placed = super().detect(view).findings
        return Detection.from_findings((*placed, Finding("r", self.label, "elsewhere", score=0.9)))


@dataclass
class SeldomPlaced(Matcher):
    """Knows 40 characters at a time, and the place only where they begin with a word."""

    window: int = 40

    def detect(self, view: View) -> Detection:
        found = super().detect(view)
        return found if view.text.startswith("key") else Detection(found.scores or {self.label: 0})


class Scorer(Matcher):
    """Gives a score without a place."""

    def detect(self, view: View) -> Detection:
        return Detection({self.label: 0.9 if re.search(self.pattern, view.text) else 0.1})


def build(
    *placed: tuple[Matcher, Stage, Effect],
    style: RedactStyle = RedactStyle.LABEL,
    on_error: Effect = Effect.BLOCK,
    **options: object,
) -> Firewall:
    guards = [Guard(detector, stage, redact_with=style) for detector, stage, _ in placed]
    rules = [
        GuardRule(detector.name, stage, {detector.label: effect}, on_error=on_error)
        for detector, stage, effect in placed
    ]
    return Firewall(guards, GuardPolicy(rules), **options)  # type: ignore[arg-type]


async def test_a_clean_message_is_allowed_with_its_runs() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK))
    decision = await firewall.scan(Message.user("hello"))
    assert decision.effect is Effect.ALLOW
    assert decision.subject == Message.user("hello")
    assert [run.status for run in decision.runs] == [RunStatus.OK]
    assert decision.policy == firewall.policy.digest
    assert decision.elapsed_s > 0


async def test_decisions_have_ids_of_their_own() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK))
    ids = [(await firewall.scan(Message.user("hello"))).id for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"dec_[0-9a-f]{18}", one) for one in ids)


async def test_a_redacted_message_takes_the_place_of_the_original() -> None:
    firewall = build((Matcher(), Stage.OUTPUT, Effect.REDACT))
    decision = await firewall.scan(Message.assistant(f"the key is {SECRET}."))
    assert decision.effect is Effect.REDACT
    assert decision.may_pass
    assert decision.subject.text == "the key is [REDACTED:secret]."


async def test_what_should_be_redacted_but_has_no_place_is_blocked() -> None:
    firewall = build((Scorer(), Stage.OUTPUT, Effect.REDACT))
    decision = await firewall.scan(Message.assistant(SECRET))
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "firewall.redact"
    assert decision.subject.text == SECRET


async def test_one_guard_with_places_does_not_cover_for_another_without() -> None:
    firewall = build(
        (Matcher(), Stage.OUTPUT, Effect.REDACT),
        (Scorer("alpha", "topic", "scorer"), Stage.OUTPUT, Effect.REDACT),
    )
    decision = await firewall.scan(Message.assistant(f"alpha {SECRET}"))
    assert decision.effect is Effect.BLOCK


async def test_one_finding_with_a_place_does_not_cover_for_another_without() -> None:
    firewall = build((HalfPlaced(), Stage.INPUT, Effect.REDACT))
    decision = await firewall.scan(Message.user(f"the key is {SECRET}."))
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "firewall.redact"


@pytest.mark.parametrize("order", [1, -1])
async def test_a_place_in_one_window_does_not_cover_for_another_window(order: int) -> None:
    pieces = ["key alpha".ljust(40), "and alpha".ljust(40)]
    firewall = build((SeldomPlaced("alpha"), Stage.INPUT, Effect.REDACT))
    decision = await firewall.scan(Message.user("".join(pieces[::order])))
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "firewall.redact"


async def test_a_faint_finding_without_a_place_does_not_block() -> None:
    guard = Guard(HalfPlaced(), Stage.INPUT)
    rule = GuardRule("matcher", Stage.INPUT, {"*": Effect.REDACT}, {"*": 0.95})
    decision = await Firewall([guard], GuardPolicy([rule])).scan(Message.user(SECRET))
    assert (decision.effect, decision.subject.text) == (Effect.REDACT, "[REDACTED:secret]")


async def test_arguments_that_cannot_be_redacted_are_blocked() -> None:
    firewall = build((Matcher(r"\d{16}", "card"), Stage.TOOL_CALL, Effect.REDACT))
    call = ToolCall("1", "pay", '{"card": 4111111111111111}')
    decision = await firewall.check_tool_call(call)
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "firewall.redact"


async def test_a_failed_detector_blocks_and_its_reason_does_not_quote_the_text() -> None:
    firewall = build((Broken(), Stage.INPUT, Effect.FLAG))
    decision = await firewall.scan(Message.user("private words"))
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "matcher.error"
    assert "private" not in repr(decision.reasons) + repr(decision.runs)


async def test_a_stage_without_guards_allows_without_runs() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK))
    decision = await firewall.scan(Message.assistant(SECRET))
    assert (decision.effect, decision.runs, decision.stage) == (Effect.ALLOW, (), Stage.OUTPUT)


async def test_origin_decides_the_stage_unless_one_is_named() -> None:
    tool = Matcher(name="tool")
    firewall = build(
        (tool, Stage.TOOL_RESULT, Effect.BLOCK), (Matcher(), Stage.INPUT, Effect.ALLOW)
    )
    assert (await firewall.scan(Message.tool(SECRET))).effect is Effect.BLOCK
    assert (await firewall.scan(Message.user(SECRET))).effect is Effect.ALLOW
    named = await firewall.scan(Message.user(SECRET), stage=Stage.TOOL_RESULT)
    assert (named.effect, named.stage) == (Effect.BLOCK, Stage.TOOL_RESULT)


async def test_tool_calls_beside_text_are_judged_at_both_stages() -> None:
    calls = Matcher(name="calls")
    firewall = build(
        (Matcher(), Stage.OUTPUT, Effect.FLAG), (calls, Stage.TOOL_CALL, Effect.REDACT)
    )
    call = ToolCall("1", "post", json.dumps({"body": SECRET}))
    message = Message.assistant(f"text {SECRET}", calls=[call])
    decision = await firewall.scan(message)
    assert decision.stage is Stage.OUTPUT
    assert [run.detector for run in decision.runs] == ["matcher", "calls"]
    assert calls.seen[0].text == call.arguments
    assert decision.effect is Effect.REDACT
    (text, arguments) = decision.subject.segments
    assert text == f"text {SECRET}"
    assert json.loads(arguments) == {"body": "[REDACTED:secret]"}
    found = decision.runs[1].detection
    assert found is not None
    assert message.text[found.findings[0].start : found.findings[0].end] == SECRET


async def test_calls_between_texts_are_found_at_their_place() -> None:
    firewall = build((Matcher(), Stage.TOOL_CALL, Effect.REDACT))
    call = ToolCall("1", "post", json.dumps({"body": SECRET}))
    image = ImagePart("https://example.org/a.png")
    message = Message.assistant([TextPart("a"), call, image, TextPart("b"), call])
    decision = await firewall.scan(message, stage=Stage.TOOL_CALL)
    first, second, third, fourth = decision.subject.segments
    assert (first, third) == ("a", "b")
    assert second == fourth == '{"body": "[REDACTED:secret]"}'


@pytest.mark.parametrize("text", ["", "a few words"])
async def test_a_guard_named_at_both_stages_judges_arguments_once(text: str) -> None:
    firewall = build(
        (Matcher(), Stage.OUTPUT, Effect.REDACT), (Matcher(), Stage.TOOL_CALL, Effect.FLAG)
    )
    call = ToolCall("1", "login", json.dumps({"token": SECRET}))
    decision = await firewall.scan(Message.assistant(text, calls=[call]))
    assert decision.effect is Effect.FLAG
    assert len(decision.runs) == (2 if text else 1)
    beside = await firewall.scan(Message.assistant(f"{text} {SECRET}", calls=[call]))
    assert beside.effect is Effect.REDACT
    assert beside.subject.segments == (f"{text} [REDACTED:secret]", call.arguments)


async def test_output_guards_judge_a_message_of_tool_calls_alone() -> None:
    firewall = build((Matcher(), Stage.OUTPUT, Effect.BLOCK))
    call = ToolCall("1", "post", json.dumps({"body": SECRET}))
    decision = await firewall.scan(Message.assistant(calls=[call]))
    assert (decision.effect, decision.stage) == (Effect.BLOCK, Stage.TOOL_CALL)


async def test_pseudonyms_are_the_same_across_messages_and_from_the_cache() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.REDACT), style=RedactStyle.PSEUDONYM)
    for _ in range(2):
        known = Pseudonyms()
        first = await firewall.scan(Message.user(f"a {SECRET}"), pseudonyms=known)
        second = await firewall.scan(Message.user(f"b {SECRET}"), pseudonyms=known)
        assert (first.subject.text, second.subject.text) == ("a <SECRET_1>", "b <SECRET_1>")
        assert known.restore(second.subject.text) == f"b {SECRET}"
    assert second.is_cached


async def test_a_message_seen_before_comes_from_the_cache() -> None:
    detector = Matcher()
    firewall = build((detector, Stage.INPUT, Effect.BLOCK))
    first = await firewall.scan(Message.user(SECRET))
    second = await firewall.scan(Message.user(SECRET))
    assert len(detector.seen) == 1
    assert (first.is_cached, second.is_cached) == (False, True)
    assert (second.effect, second.reasons) == (first.effect, first.reasons)
    assert second.id != first.id


async def test_another_stage_role_or_trace_is_another_question() -> None:
    detector = Matcher()
    firewall = build(
        (detector, Stage.INPUT, Effect.BLOCK), (detector, Stage.DOCUMENT, Effect.BLOCK)
    )
    await firewall.scan(Message.user("a"))
    await firewall.scan(Message.user("a"), stage=Stage.DOCUMENT)
    await firewall.scan(Message.system("a"))
    await firewall.scan(Message.user("a"), trace=Trace((Message.user("before"),)))
    assert len(detector.seen) == 4


async def test_a_trace_that_no_guard_reads_does_not_count() -> None:
    detector = Matcher(reads_trace=False)
    firewall = build((detector, Stage.INPUT, Effect.BLOCK))
    await firewall.scan(Message.user("a"))
    decision = await firewall.scan(Message.user("a"), trace=Trace((Message.user("before"),)))
    assert decision.is_cached


async def test_failures_are_never_cached() -> None:
    detector = Broken()
    firewall = build((detector, Stage.INPUT, Effect.FLAG), on_error=Effect.FLAG)
    for _ in range(3):
        assert not (await firewall.scan(Message.user("a"))).is_cached
    assert len(detector.seen) == 3


async def test_the_cache_forgets_the_oldest_and_what_is_too_old() -> None:
    now = [0.0]
    cache = DecisionCache(2, 10.0, clock=lambda: now[0])
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK), cache=cache)
    for text in "abc":
        await firewall.scan(Message.user(text))
    assert len(cache) == 2
    assert not (await firewall.scan(Message.user("a"))).is_cached
    now[0] = 10.0
    assert not (await firewall.scan(Message.user("a"))).is_cached


def test_digests_tell_apart_how_strings_are_cut() -> None:
    one = Message.user([TextPart("ab"), TextPart("c")])
    two = Message.user([TextPart("a"), TextPart("bc")])
    assert message_digest(one) != message_digest(two)
    assert message_digest(Message.user("\ud800")) != message_digest(Message.user("?"))


def test_the_digest_changes_with_a_detectors_revision() -> None:
    one = build((Matcher(), Stage.INPUT, Effect.BLOCK))
    two = build((Matcher(revision="2"), Stage.INPUT, Effect.BLOCK))
    assert one.digest != two.digest
    assert one.policy.digest == two.policy.digest


async def test_a_record_holds_the_decision_but_not_the_text() -> None:
    audit = MemoryAudit()
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK), audit=audit)
    text = f"private {SECRET}"
    decision = await firewall.scan(Message.user(text), trace=Trace(id="trace-1"))
    (record,) = audit.records
    assert (record.id, record.trace) == (decision.id, "trace-1")
    assert (record.effect, record.stage) == ("block", "input")
    assert record.rules == ("matcher.secret",)
    assert record.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert record.runs[0].scores == {"secret": 1.0}
    assert "private" not in repr(record)
    assert SECRET not in repr(record)


async def test_the_text_is_kept_only_where_it_is_asked_for() -> None:
    audit = MemoryAudit()
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK), audit=audit, include_text=True)
    await firewall.scan(Message.user("words \ud800"))
    assert audit.records[0].text is not None
    assert audit.records[0].text.startswith("words ")


@pytest.mark.parametrize("fsync", [False, True])
async def test_the_file_has_one_json_line_per_decision(tmp_path: Path, fsync: bool) -> None:
    path = tmp_path / "deep" / "audit.jsonl"
    audit = JsonlAudit(path, fsync=fsync)
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK), audit=audit)
    decisions = await firewall.scan_batch([Message.user(f"m {n}") for n in range(20)])
    records = [msgspec.json.decode(r, type=AuditRecord) for r in path.read_bytes().splitlines()]
    assert {record.id for record in records} == {decision.id for decision in decisions}
    assert path.stat().st_mode & 0o777 == 0o600
    await firewall.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
async def test_a_record_that_cannot_be_written_stops_the_answer() -> None:
    audit = JsonlAudit("/dev/full")
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK), audit=audit)
    with pytest.raises(StoreError, match="cannot be written"):
        await firewall.scan(Message.user("hello"))
    audit.close()


async def test_observers_hear_every_decision() -> None:
    heard: list[Decision] = []
    firewall = build(
        (Matcher(), Stage.INPUT, Effect.BLOCK), on_decision=heard.append, audit=NoAudit()
    )
    decision = await firewall.scan(Message.user("a"))
    assert heard == [decision]


async def test_the_sync_face_works_inside_a_running_loop() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK))
    assert firewall.scan_sync(Message.user(SECRET)).effect is Effect.BLOCK


def test_the_sync_face_works_from_many_threads() -> None:
    slow = Matcher(name="slow", is_bounded=False)
    firewall = build((slow, Stage.INPUT, Effect.BLOCK))
    effects: list[Effect] = []

    def work(number: int) -> None:
        effects.append(firewall.scan_sync(Message.user(f"{number} {SECRET}")).effect)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert effects == [Effect.BLOCK] * 8


async def test_the_sync_face_refuses_to_wait_for_itself() -> None:
    firewall = build((Matcher(), Stage.INPUT, Effect.BLOCK))

    def again(_: Decision) -> None:
        firewall.on_decision = None
        firewall.scan_sync(Message.user("b"))

    firewall.on_decision = again
    with pytest.raises(TyrianError, match="own event loop"):
        firewall.scan_sync(Message.user("a"))


async def test_a_batch_keeps_its_order() -> None:
    firewall = build((Matcher(is_bounded=False), Stage.INPUT, Effect.BLOCK))
    messages = [Message.user(SECRET if n % 3 else f"clean {n}") for n in range(50)]
    decisions = await firewall.scan_batch(messages)
    expected = [Effect.BLOCK if n % 3 else Effect.ALLOW for n in range(50)]
    assert [decision.effect for decision in decisions] == expected
    assert [decision.subject for decision in decisions] == messages


async def test_one_firewall_serves_several_event_loops() -> None:
    firewall = build((Matcher(is_bounded=False), Stage.INPUT, Effect.BLOCK))
    assert (await firewall.scan(Message.user(SECRET))).effect is Effect.BLOCK

    def elsewhere() -> Effect:
        return asyncio.run(firewall.scan(Message.user(SECRET + "."))).effect

    assert await asyncio.to_thread(elsewhere) is Effect.BLOCK


def test_two_guards_of_a_stage_with_one_name_are_an_error() -> None:
    rule = GuardRule("matcher", Stage.INPUT, {})
    guards = [Guard(Matcher(), Stage.INPUT), Guard(Matcher(), Stage.INPUT)]
    with pytest.raises(ConfigError, match="named 'matcher'"):
        Firewall(guards, GuardPolicy([rule]))


def test_a_guard_without_a_rule_is_an_error() -> None:
    rule = GuardRule("matcher", Stage.INPUT, {})
    guards = [Guard(Matcher(), Stage.INPUT), Guard(Matcher(), Stage.OUTPUT)]
    with pytest.raises(ConfigError, match="no rule"):
        Firewall(guards, GuardPolicy([rule]))


def test_a_rule_without_a_guard_is_an_error() -> None:
    rules = [GuardRule("matcher", stage, {}) for stage in (Stage.INPUT, Stage.OUTPUT)]
    with pytest.raises(ConfigError, match="there is none"):
        Firewall([Guard(Matcher(), Stage.INPUT)], GuardPolicy(rules))


async def test_closing_closes_a_shared_detector_once() -> None:
    closed: list[str] = []

    class Closing(Matcher):
        async def close(self) -> None:
            closed.append(self.name)

    detector = Closing()
    firewall = build((detector, Stage.INPUT, Effect.BLOCK), (detector, Stage.OUTPUT, Effect.BLOCK))
    await firewall.close()
    assert closed == ["matcher"]
