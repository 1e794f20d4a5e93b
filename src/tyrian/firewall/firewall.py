"""The Firewall: detectors and policy, built once, asked often."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Self

from tyrian.core.decision import Decision
from tyrian.core.detection import DetectorInfo, Stage
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.firewall.assembly import assemble
from tyrian.firewall.audit import AuditSink
from tyrian.firewall.blocked import GuardedStreamError
from tyrian.firewall.cache import DecisionCache
from tyrian.firewall.decide import Judgement
from tyrian.firewall.guard import Guard
from tyrian.firewall.holdback import StreamLimits
from tyrian.firewall.log import DecisionLog
from tyrian.firewall.panel import Panel, closed
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.settle import Settler
from tyrian.firewall.stream import Delta, StreamGuard
from tyrian.firewall.sync import BACKGROUND
from tyrian.firewall.tool_gate import ToolGate
from tyrian.policy.flow import Clock
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import ToolPolicy
from tyrian.review.request import Reviewer
from tyrian.stack.load import default_stack, load_stack
from tyrian.stack.schema import Stack

BATCH_AT_ONCE = 32


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
        self._panel = Panel(guards, policy)
        self.guards = self._panel.guards
        self.policy = policy
        self.gate = ToolGate(tool_policy, clock) if tool_policy is not None else None
        self.stream_limits = stream or StreamLimits()
        self.cache = cache if cache is not None else DecisionCache()
        self.policy_digest = _joined(policy.digest, tool_policy)
        self.digest = _joined(self._panel.digest, tool_policy)
        """Identity of policies and detectors: another digest may decide otherwise."""
        self._settler = Settler(self.gate, reviewer, self.policy_digest)
        self._log = DecisionLog(self.policy_digest, audit, on_decision, include_text=include_text)

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
        return self._panel.at(stage)

    @property
    def audit(self) -> AuditSink | None:
        """Where a record of each decision goes."""
        return self._log.audit

    @property
    def on_decision(self) -> Callable[[Decision], None] | None:
        """Who hears of each decision."""
        return self._log.on_decision

    @on_decision.setter
    def on_decision(self, observer: Callable[[Decision], None] | None) -> None:
        self._log.on_decision = observer

    @property
    def hung(self) -> int:
        """Calls of detectors that were given up and have not returned."""
        return self._panel.hung

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
        key = self._panel.key(message, stage, trace) if self.cache.size > 0 else b""
        known = self.cache.get(key) if key else None
        judgement = known or await self._panel.judge(message, stage, trace)
        if key and known is None:
            self.cache.put(key, judgement)
        judgement, subject = await self._settler.settle(
            message, judgement, pseudonyms, said or trace, stage=stage, reviewer=reviewer
        )
        return await self._log.conclude(
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
        stage = Stage.TOOL_CALL
        async with aclosing(self._settler.history(trace, reviewer)) as history:
            async for index, (judgement, subject) in history:
                message = trace.messages[index]
                yield (
                    index,
                    await self._log.conclude(message, subject, judgement, stage=stage, trace=trace),
                )

    def stream(
        self,
        trace: Trace | None = None,
        *,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        reviewer: Reviewer | None = None,
    ) -> StreamGuard:
        """A guard for one streamed answer; `said` and `reviewer` as in `scan`."""
        return StreamGuard(
            self._panel,
            self._settler,
            self._log,
            self.stream_limits,
            trace=trace,
            pseudonyms=pseudonyms,
            said=said,
            reviewer=reviewer,
        )

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

    async def judge(
        self, message: Message, *, stage: Stage | None = None, trace: Trace | None = None
    ) -> Judgement:
        """What the guards say, without cache, and without writing anything down."""
        return await self._panel.judge(message, stage, trace)

    async def conclude(
        self,
        message: Message,
        subject: Message,
        judgement: Judgement,
        *,
        stage: Stage | None = None,
        trace: Trace | None = None,
    ) -> Decision:
        """Write down a judgement made elsewhere; `subject` is the message as it may go on."""
        return await self._log.conclude(message, subject, judgement, stage=stage, trace=trace)

    async def close(self) -> None:
        """End the worker threads, and close the detectors and the audit sink that can be."""
        await self._panel.close()
        await closed(self.audit)


def _joined(digest: str, tool_policy: ToolPolicy | None) -> str:
    """A digest that tells of the tool policy as well."""
    if tool_policy is None:
        return digest
    return hashlib.sha256(f"{digest}|{tool_policy.digest}".encode()).hexdigest()[:16]
