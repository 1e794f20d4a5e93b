"""Asks every model guard of a stack about labelled rows, one row at a time."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tyrian.core.decision import Effect
from tyrian.core.detection import DetectorRun, RunStatus, Stage, View
from tyrian.core.message import Message, Trace
from tyrian.firewall.due import Schedule
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.firewall.run import Runner
from tyrian.policy.guard import ANY_LABEL, GuardPolicy
from tyrian.stack.schema import AuditSpec, Stack
from tyrian.tuning.answers import Answer, GuardRows
from tyrian.tuning.labels import Truth, Vocabulary, is_vague

RULES = "builtin"
"""The backend of detectors whose scores are not graded: rules, lists, checks."""
VAGUE = "the label says that it is unsafe and names no class of this guard"


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A message with the labels that a person gave it."""

    message: Message
    truth: Truth
    stage: Stage | None = None
    trace: Trace = field(default_factory=Trace)
    line: int = 0
    """Where it stands in its file; 0 for a row of no file."""


class Measurement:
    """The model guards of a stack, and what they have said so far."""

    def __init__(self, stack: Stack) -> None:
        self._firewall = Firewall.from_stack(stack.model_copy(update={"audit": AuditSpec()}))
        self._guards = {
            (guard.stage, guard.name): guard
            for guard in self._firewall.guards
            if guard.info.backend != RULES
        }
        alone = {key: replace(guard, cascade=None) for key, guard in self._guards.items()}
        self._schedule = Schedule(
            {s: {n: g for (at, n), g in alone.items() if at is s} for s in Stage}
        )
        policy = self._firewall.policy
        self._rows = {key: _empty(guard, policy) for key, guard in self._guards.items()}
        self._runner = Runner()
        self.unjudged = 0
        """Rows at whose stage no guard has a model."""

    @property
    def guards(self) -> tuple[GuardRows, ...]:
        """What each guard has said, in the order of the stack."""
        return tuple(self._rows.values())

    @property
    def notes(self) -> Mapping[str, str]:
        """Why a guard runs another model than the one it asks for, by its name."""
        return {g.name: g.info.fallback for g in self._guards.values() if g.info.fallback}

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words that a row may be labelled with; None where a guard may give any label."""
        guards = [one for guard in self._guards.values() for one in (guard, guard.first) if one]
        labels = tuple(dict.fromkeys(label for one in guards for label in one.info.labels))
        return None if ANY_LABEL in labels else Vocabulary(labels)

    async def take(self, rows: Iterable[LabelledRow]) -> None:
        """Ask all guards about these rows."""
        for row in rows:
            await self._take(row)

    async def close(self) -> None:
        """Let go of threads, models and connections."""
        self._runner.close()
        await self._firewall.close()

    async def _take(self, row: LabelledRow) -> None:
        dues = self._schedule.dues(row.message, row.stage, row.trace)
        if not dues:
            self.unjudged += 1
        for due in dues:
            for guard in due.guards:
                await self._ask(guard, self._guards[due.stage, guard.name], due.view, row)

    async def _ask(self, guard: Guard, whole: Guard, view: View, row: LabelledRow) -> None:
        """Both models of a cascade, the first one first, as a firewall would ask them.

        `guard` is `whole` without its cascade.
        """
        rows = self._rows[guard.stage, guard.name]
        if is_vague(row.truth, guard.info.kind, guard.info.labels, guard.stage):
            rows.reasons[VAGUE] = rows.reasons.get(VAGUE, 0) + 1
            return
        asked = await self._answer(whole.first, view) if whole.first is not None else None
        own = await self._answer(guard, view)
        for answer in (asked, own):
            if isinstance(answer, str):
                rows.failed += 1
                rows.reasons[answer] = rows.reasons.get(answer, 0) + 1
                return
        rows.truths.append(row.truth)
        if isinstance(own, Answer):
            rows.own.append(own)
        if isinstance(asked, Answer):
            left_out = bool(whole.gap.of(view.subject))
            rows.first.append(replace(asked, left_out=left_out))

    async def _answer(self, guard: Guard, view: View) -> Answer | str:
        """The scores, or why there are none."""
        cpu, wall = time.process_time(), time.perf_counter()
        run = (await self._runner.run([guard], view))[0]
        spent = (time.process_time() - cpu, time.perf_counter() - wall)
        return _read(run, *spent)


def _read(run: DetectorRun, cpu_s: float, elapsed_s: float) -> Answer | str:
    if run.status is not RunStatus.OK or run.detection is None:
        return run.reason or f"the guard gave {run.status}"
    if run.detection.coverage < 1.0:
        return "only a part of the text was judged"
    return Answer(dict(run.detection.scores), cpu_s, elapsed_s)


def _empty(guard: Guard, policy: GuardPolicy) -> GuardRows:
    rule = policy.rule(guard.stage, guard.name)
    return GuardRows(
        guard.name,
        guard.info.kind,
        guard.stage,
        guard.info.backend,
        rule.thresholds if rule else {},
        unsure=guard.cascade.unsure if guard.cascade else None,
        effect_of=rule.effect_of if rule else lambda _: Effect.BLOCK,
    )
