"""The Firewall: detectors and policy, built once, asked often."""

import asyncio
import contextlib
import hashlib
import itertools
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from inspect import isawaitable
from pathlib import Path
from typing import Self

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import DetectorInfo, DetectorRun, Stage, stage_of
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.errors import ConfigError
from tyrian.firewall.ask import asked, recalled
from tyrian.firewall.assembly import assemble
from tyrian.firewall.audit import AuditSink, audit_record
from tyrian.firewall.blocked import GuardedStreamError
from tyrian.firewall.cache import DecisionCache, cache_key
from tyrian.firewall.decide import Judgement, join, weigh
from tyrian.firewall.due import Due, Schedule
from tyrian.firewall.guard import Guard
from tyrian.firewall.holdback import StreamLimits
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import CannotRedactError, redact
from tyrian.firewall.run import Runner, is_slow, run_inline
from tyrian.firewall.stream import Delta, StreamGuard
from tyrian.firewall.sync import BACKGROUND
from tyrian.firewall.tool_gate import ToolGate, ruled
from tyrian.policy.flow import Clock
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import ToolPolicy
from tyrian.review.request import Reviewer
from tyrian.stack.load import default_stack, load_stack
from tyrian.stack.schema import Stack

BATCH_AT_ONCE = 32

READ_ASIDE = 64_000
"""Characters of a trace from which on the tool policy does not read it on the event loop."""


class Firewall:
    """Judges messages. Safe to share between tasks, threads and event loops."""

    def __init__(
        self,
        guards: Iterable[Guard],
        policy: GuardPolicy,
        *,
        stream: StreamLimits | None = None,
        cache: DecisionCache | None = None,
        audit: AuditSink | None = None,
        include_text: bool = False,
        on_decision: Callable[[Decision], None] | None = None,
        tool_policy: ToolPolicy | None = None,
        clock: Clock = time.monotonic,
        reviewer: Reviewer | None = None,
    ) -> None:
        """`clock` is that of the tool policy's limits, in seconds.

        `reviewer` is asked about what needs a person; without one it stays held.
        """
        self.guards = tuple(guards)
        self.policy = policy
        self.gate = ToolGate(tool_policy, clock) if tool_policy is not None else None
        self.stream_limits = stream or StreamLimits()
        self.cache = cache if cache is not None else DecisionCache()
        self.audit = audit
        self.on_decision = on_decision
        self.reviewer = reviewer
        self._include_text = include_text
        self._by_stage = {stage: _named(self.guards, stage) for stage in Stage}
        self._schedule = Schedule(self._by_stage)
        _check_rules(policy, self._by_stage)
        self.policy_digest = _policy_digest(policy, tool_policy)
        self.digest = _digest(policy, self.guards)
        self._runner = Runner()
        self._ids = itertools.count(1)
        self._id_prefix = f"dec_{os.urandom(6).hex()}"

    @classmethod
    def default(
        cls,
        *,
        audit: AuditSink | None = None,
        on_decision: Callable[[Decision], None] | None = None,
        reviewer: Reviewer | None = None,
    ) -> Self:
        """The firewall of the stack that comes with Tyrian; needs no weights and no network."""
        return cls.from_stack(
            default_stack(), audit=audit, on_decision=on_decision, reviewer=reviewer
        )

    @classmethod
    def from_stack(
        cls,
        stack: Stack | Path | str,
        *,
        audit: AuditSink | None = None,
        on_decision: Callable[[Decision], None] | None = None,
        reviewer: Reviewer | None = None,
    ) -> Self:
        """Build what a stack file describes; `audit` takes the place of the file's own sink."""
        if not isinstance(stack, Stack):
            stack = load_stack(stack)
        parts = assemble(stack)
        return cls(
            parts.guards,
            parts.policy,
            stream=parts.stream,
            cache=parts.cache,
            audit=audit if audit is not None else parts.audit,
            include_text=parts.include_text,
            on_decision=on_decision,
            tool_policy=parts.tool_policy,
            reviewer=reviewer,
        )

    def infos(self) -> tuple[tuple[Stage, DetectorInfo], ...]:
        """Which detectors run at which stage; the tool policy stands among them."""
        infos = tuple((guard.stage, guard.info) for guard in self.guards)
        return infos if self.gate is None else (*infos, (Stage.TOOL_CALL, self.gate.info))

    def guards_at(self, stage: Stage) -> Sequence[Guard]:
        """The guards due at a stage."""
        return self._schedule.at(stage)

    @property
    def judges_calls(self) -> bool:
        """True where a tool policy, or a guard, judges tool calls."""
        return self.gate is not None or bool(self.guards_at(Stage.TOOL_CALL))

    @property
    def hung(self) -> int:
        """Calls of detectors that were given up and have not returned."""
        return self._runner.hung

    async def scan(
        self,
        message: Message,
        *,
        trace: Trace | None = None,
        stage: Stage | None = None,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        reviewer: Reviewer | None = None,
    ) -> Decision:
        """Judge one message, at its natural stage unless one is named.

        `trace` is what was said before it; `said` is the same before anything was redacted, for
        the tool policy, where that differs. With `pseudonyms` the values that a guard replaces by
        pseudonyms can be restored, and are the same in all messages of a conversation. What needs
        a person is brought to `reviewer`, or to the firewall's own one.
        """
        started = time.perf_counter()
        key = self._key(message, stage, trace) if self.cache.size > 0 else b""
        known = self.cache.get(key) if key else None
        judgement = known or await self.judge(message, stage=stage, trace=trace)
        if key and known is None:
            self.cache.put(key, judgement)
        await self.prepare(message, said or trace)
        judgement, subject = await self.reviewed(
            message, judgement, pseudonyms, said or trace, stage=stage, reviewer=reviewer
        )
        return await self.conclude(
            message,
            subject,
            judgement,
            stage=stage,
            trace=trace,
            started=started,
            is_cached=known is not None,
        )

    def scan_sync(
        self,
        message: Message,
        *,
        trace: Trace | None = None,
        stage: Stage | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> Decision:
        """`scan` for code that cannot await; works inside a running event loop, and blocks it."""
        return BACKGROUND.run(self.scan(message, trace=trace, stage=stage, pseudonyms=pseudonyms))

    async def scan_batch(
        self, messages: Iterable[Message], *, stage: Stage | None = None
    ) -> list[Decision]:
        """Judge many messages, each by itself; the decisions come in the messages' order."""
        gate = asyncio.Semaphore(BATCH_AT_ONCE)

        async def one(message: Message) -> Decision:
            async with gate:
                await asyncio.sleep(0)
                return await self.scan(message, stage=stage)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(message)) for message in messages]
        return [task.result() for task in tasks]

    async def check_tool_call(self, call: ToolCall, trace: Trace | None = None) -> Decision:
        """Judge one tool call before it is made, by the guards and by the tool policy.

        `trace` is the conversation so far; it may hold the call already. Where the decision lets
        it pass, `decision.subject.tool_calls[0]` is the call to make, and `decision.calls[0]`
        tells what the policy made of it.
        """
        return await self.scan(Message.assistant(calls=[call]), trace=trace, stage=Stage.TOOL_CALL)

    async def check_history(
        self, trace: Trace, *, reviewer: Reviewer | None = None
    ) -> AsyncGenerator[tuple[int, Decision], None]:
        """Judge the tool calls that a conversation holds, by the tool policy.

        Gives a decision for each message with calls, and its place; none for a beginning that
        went through before. Stop at the first that may not pass: what is not asked for is not
        taken for passed. What a person approved before passes.
        """
        if self.gate is None:
            return
        rulings = self.gate.history(trace)
        reviewer = reviewer or self.reviewer
        is_long = self.gate.states.unread(trace.messages) > READ_ASIDE
        while found := (
            await asyncio.to_thread(next, rulings, None) if is_long else next(rulings, None)
        ):
            index, ruling = found
            message, stage = trace.messages[index], Stage.TOOL_CALL
            settled = ruled(Judgement(), ruling), ruling.message
            if reviewer is not None and settled[0].effect is Effect.REVIEW:
                settled = await recalled(
                    reviewer, settled, stage=stage, policy=self.policy_digest, trace_id=trace.id
                )
            judgement, subject = settled
            yield index, await self.conclude(message, subject, judgement, stage=stage, trace=trace)

    def stream(
        self,
        trace: Trace | None = None,
        *,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        reviewer: Reviewer | None = None,
    ) -> StreamGuard:
        """A guard for one streamed answer; `said` and `reviewer` as in `scan`."""
        return StreamGuard(self, self.stream_limits, trace, pseudonyms, said, reviewer)

    async def guard_stream(
        self, chunks: AsyncIterator[str], *, trace: Trace | None = None
    ) -> AsyncGenerator[str, None]:
        """The text of a stream as it may leave; GuardedStreamError once it is blocked."""
        guard = self.stream(trace)
        try:
            async for chunk in chunks:
                for delta in await guard.feed(Delta(chunk)):
                    yield delta.text
                if guard.is_blocked:
                    break
            for delta in await guard.close():
                yield delta.text
        finally:
            await guard.close()
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        if guard.decision is not None and guard.is_blocked:
            raise GuardedStreamError(guard.decision)

    async def close(self) -> None:
        """End the worker threads, and close the detectors and the audit sink that can be."""
        self._runner.close()
        detectors = (
            one
            for guard in self.guards
            for one in (guard.detector, guard.cascade.first if guard.cascade else guard.detector)
        )
        owned = {id(detector): detector for detector in detectors}
        for one in (*owned.values(), self.audit):
            end = getattr(one, "close", None)
            ended = end() if callable(end) else None
            if isawaitable(ended):
                await ended

    async def judge(
        self, message: Message, *, stage: Stage | None = None, trace: Trace | None = None
    ) -> Judgement:
        """Judge without cache, and without writing anything down."""
        dues = self._schedule.dues(message, stage, trace)
        if len(dues) > 1 and not all(due.is_inline for due in dues):
            return join(await asyncio.gather(*map(self._judge_stage, dues)))
        return join([await self._judge_stage(due) for due in dues] or [Judgement()])

    async def reviewed(
        self,
        message: Message,
        judgement: Judgement,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        *,
        stage: Stage | None = None,
        reviewer: Reviewer | None = None,
    ) -> tuple[Judgement, Message]:
        """`settled`, and a person asked where that says so and somebody is there to ask them."""
        settled = self.settled(message, judgement, pseudonyms, said)
        reviewer = reviewer or self.reviewer
        if settled[0].effect is not Effect.REVIEW or reviewer is None:
            return settled
        return await asked(
            reviewer,
            settled,
            lambda: self.settled(message, judgement, pseudonyms, said),
            stage=stage or stage_of(message),
            policy=self.policy_digest,
            trace_id=said.id if said is not None else "",
        )

    async def prepare(self, message: Message, said: Trace | None = None) -> None:
        """Read a trace for the tool policy in a thread, where it is long and `message` calls."""
        if self.gate is None or said is None or not message.tool_calls:
            return
        states, messages = self.gate.states, said.messages
        if states.unread(messages) > READ_ASIDE:
            # A fault in it comes again, and is told, where the message is settled.
            with contextlib.suppress(Exception):
                await asyncio.to_thread(states.of, messages)

    def settled(
        self,
        message: Message,
        judgement: Judgement,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
    ) -> tuple[Judgement, Message]:
        """The message as it may go on: redacted, its tool calls canonical and within the policy.

        The policy judges the calls as they would leave, with pseudonyms turned back into values.
        """
        subject = message
        if judgement.marks and judgement.effect in (Effect.REDACT, Effect.REVIEW):
            try:
                subject = redact(message, judgement.marks, pseudonyms=pseudonyms)
            except CannotRedactError as error:
                judgement = judgement.escalated(error.message)
        if self.gate is None or not message.tool_calls:
            return judgement, subject
        ruling = self.gate.judge(_restored(subject, pseudonyms), said)
        judgement = ruled(judgement, ruling)
        return judgement, message if judgement.effect is Effect.BLOCK else ruling.message

    async def conclude(
        self,
        message: Message,
        subject: Message,
        judgement: Judgement,
        *,
        stage: Stage | None = None,
        trace: Trace | None = None,
        started: float | None = None,
        is_cached: bool = False,
    ) -> Decision:
        """Write the judgement down: a Decision, its audit record, and word to the observer."""
        decision = Decision(
            id=f"{self._id_prefix}{next(self._ids):06x}",
            effect=judgement.effect,
            stage=stage or stage_of(message),
            reasons=judgement.reasons,
            runs=judgement.runs,
            policy=self.policy_digest,
            subject=subject,
            elapsed_s=0.0 if started is None else time.perf_counter() - started,
            is_cached=is_cached,
            calls=judgement.calls,
            review=judgement.review,
        )
        if self.audit is not None:
            await self._write(self.audit, decision, message, trace)
        if self.on_decision is not None:
            self.on_decision(decision)
        return decision

    async def _write(
        self, audit: AuditSink, decision: Decision, message: Message, trace: Trace | None
    ) -> None:
        trace_id = trace.id if trace is not None else ""
        record = audit_record(decision, message, trace_id, include_text=self._include_text)
        if getattr(audit, "is_blocking", False):
            await asyncio.to_thread(audit.write, record)
        else:
            audit.write(record)

    async def _judge_stage(self, due: Due) -> Judgement:
        runs: list[DetectorRun]
        await self._runner.turn.take()
        if due.is_inline and not any(is_slow(guard, due.view) for guard in due.guards):
            runs = [run_inline(guard, due.view) for guard in due.guards]
        else:
            runs = await self._runner.run(
                due.guards,
                due.view,
                lambda done: self.policy.decide(due.stage, done)[0] is Effect.BLOCK,
            )
        return weigh(self.policy, due.stage, self._by_stage[due.stage], due.placed(runs))

    def _key(self, message: Message, stage: Stage | None, trace: Trace | None) -> bytes:
        at = stage or stage_of(message)
        said = trace.messages if trace is not None else ()
        if said and not self._schedule.reads_trace(message, stage):
            said = ()
        return cache_key(self.digest, at, (message, *said), is_natural=stage is None)


def _named(guards: Sequence[Guard], stage: Stage) -> dict[str, Guard]:
    named: dict[str, Guard] = {}
    for guard in guards:
        if guard.stage is not stage:
            continue
        if guard.name in named:
            raise ConfigError(
                f"two guards at stage {stage} are named {guard.name!r}",
                hint="give each guard of a stage a name of its own",
            )
        named[guard.name] = guard
    return named


def _check_rules(policy: GuardPolicy, guards: dict[Stage, dict[str, Guard]]) -> None:
    """Every guard has a rule and every rule a guard, or one of them would be there for show."""
    for stage, named in guards.items():
        for name in named:
            if policy.rule(stage, name) is None:
                raise ConfigError(
                    f"guard {name!r} at stage {stage} has no rule",
                    hint="say which of its labels have which effect",
                )
    for rule in policy.rules:
        if rule.guard not in guards[rule.stage]:
            raise ConfigError(
                f"a rule names guard {rule.guard!r} at stage {rule.stage}, but there is none",
                hint="add the guard to that stage, or take its rule away",
            )


def _restored(message: Message, pseudonyms: Pseudonyms | None) -> Message:
    """The message with the pseudonyms in its tool calls turned back into values."""
    if pseudonyms is None or not len(pseudonyms):
        return message
    parts = (
        replace(part, arguments=pseudonyms.restore(part.arguments, in_json=True))
        if isinstance(part, ToolCall)
        else part
        for part in message.parts
    )
    return replace(message, parts=tuple(parts))


def _policy_digest(policy: GuardPolicy, tool_policy: ToolPolicy | None) -> str:
    if tool_policy is None:
        return policy.digest
    return hashlib.sha256(f"{policy.digest}|{tool_policy.digest}".encode()).hexdigest()[:16]


def _digest(policy: GuardPolicy, guards: Iterable[Guard]) -> str:
    """Identity of policy and detectors: another digest may decide otherwise."""
    plain = [
        f"{guard.stage}|{info.name}|{info.kind}|{info.backend}|{info.model}|{info.revision}"
        f"|{guard.cascade.describe() if guard.cascade else ''}"
        for guard, info in ((guard, guard.info) for guard in guards)
    ]
    return hashlib.sha256("\n".join([policy.digest, *plain]).encode()).hexdigest()[:16]
