"""The panel: the guards of all stages, asked together, and what the policy makes of them."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from inspect import isawaitable

from tyrian.core.decision import Effect
from tyrian.core.detection import DetectorRun, Stage, stage_of
from tyrian.core.message import Message, Trace
from tyrian.errors import ConfigError
from tyrian.firewall.cache import cache_key
from tyrian.firewall.decide import Judgement, join, weigh
from tyrian.firewall.due import Due, Schedule
from tyrian.firewall.guard import Guard
from tyrian.firewall.run import Runner, is_slow, run_inline
from tyrian.policy.guard import GuardPolicy


class Panel:
    """Asks the guards that are due about a message. Writes nothing down, and asks no person."""

    def __init__(self, guards: Iterable[Guard], policy: GuardPolicy) -> None:
        self.guards = tuple(guards)
        self.policy = policy
        self._by_stage = {stage: _named(self.guards, stage) for stage in Stage}
        self._schedule = Schedule(self._by_stage)
        _check_rules(policy, self._by_stage)
        self.digest = _digest(policy, self.guards)
        """Identity of policy and detectors: another digest may judge otherwise."""
        self._runner = Runner()

    @property
    def hung(self) -> int:
        """Calls of detectors that were given up and have not returned."""
        return self._runner.hung

    def at(self, stage: Stage) -> Sequence[Guard]:
        """The guards due at a stage."""
        return self._schedule.at(stage)

    def key(self, message: Message, stage: Stage | None, trace: Trace | None) -> bytes:
        """What a judgement is kept under: a digest of all that it depends on."""
        at = stage or stage_of(message)
        said = trace.messages if trace is not None else ()
        if said and not self._schedule.reads_trace(message, stage):
            said = ()
        return cache_key(self.digest, at, (message, *said), is_natural=stage is None)

    async def judge(
        self, message: Message, stage: Stage | None = None, trace: Trace | None = None
    ) -> Judgement:
        """Judge a message, at its natural stage unless one is named."""
        dues = self._schedule.dues(message, stage, trace)
        if len(dues) > 1 and not all(due.is_inline for due in dues):
            return join(await asyncio.gather(*map(self._judge_stage, dues)))
        return join([await self._judge_stage(due) for due in dues] or [Judgement()])

    async def close(self) -> None:
        """End the worker threads, and close the detectors that can be."""
        self._runner.close()
        detectors = (
            one
            for guard in self.guards
            for one in (guard.detector, guard.cascade.first if guard.cascade else guard.detector)
        )
        for one in {id(detector): detector for detector in detectors}.values():
            await closed(one)

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


async def closed(part: object) -> None:
    """Close a part that has a `close`, plain or async."""
    end = getattr(part, "close", None)
    ended = end() if callable(end) else None
    if isawaitable(ended):
        await ended


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


def _digest(policy: GuardPolicy, guards: Iterable[Guard]) -> str:
    plain = [
        f"{guard.stage}|{info.name}|{info.kind}|{info.backend}|{info.model}|{info.revision}"
        f"|{guard.cascade.describe(guard.gap) if guard.cascade else ''}"
        for guard, info in ((guard, guard.info) for guard in guards)
    ]
    return hashlib.sha256("\n".join([policy.digest, *plain]).encode()).hexdigest()[:16]
