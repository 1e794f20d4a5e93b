"""The gate: looks at everything that makes an AI system, and says what is unguarded.

Reads files and runs none of them; needs no network, and nothing that may or may not be installed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tyrian.core.later import Later
from tyrian.supply.gate.config.baseline import judge_baseline, read_baseline
from tyrian.supply.gate.config.container import Container, judge_container, take_surroundings
from tyrian.supply.gate.config.script import judge_script
from tyrian.supply.gate.config.secret import SecretJudge, judge_secrets
from tyrian.supply.gate.config.stack import judge_stack
from tyrian.supply.gate.contents import PAIR, Contents
from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.model.lock import judge_lock
from tyrian.supply.gate.model.reference import Reference, judge_references
from tyrian.supply.gate.model.tuned import Rules, judge_own_models
from tyrian.supply.gate.python.evaluate import Evaluator
from tyrian.supply.gate.python.judge import Judged, Linked, judge_python
from tyrian.supply.gate.python.loads import judge_loads
from tyrian.supply.gate.report import GateReport, concluded
from tyrian.supply.gate.settings import Settings
from tyrian.supply.gate.surroundings import Surroundings, leads_somewhere

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import read_verifier
else:  # brings cryptography, which only projects with keys of their own need
    read_verifier = Later("tyrian.supply.attest.keys:read_verifier")

_CODE_RULES = frozenset({"input-unguarded", "tool-output-unguarded", "decision-ignored"})


def _no_secrets(_: str) -> Iterable[tuple[int, str]]:
    return ()


@dataclass(slots=True)
class Gate:
    """One run of the gate over the contents of a directory."""

    contents: Contents
    settings: Settings
    today: date
    secrets: SecretJudge = _no_secrets
    """Finds secrets in texts; those under telling names are found without it."""
    findings: list[GateFinding] = field(default_factory=list)
    _references: list[Reference] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """What paths are told from."""
        return self.contents.root

    def report(self) -> GateReport:
        """Judge everything together, and conclude."""
        self._judge()
        findings = [*self.contents.findings, *self.findings]
        return concluded(findings, self.contents.counts, self.settings, self.today)

    def _judge(self) -> None:
        containers = self.contents.containers()
        around = self._surroundings(containers)
        evaluator = Evaluator(self.contents.modules(), around, self.root.resolve().name)
        judged = judge_python(evaluator)
        self.findings += judged.findings
        agents = len(judged.sites)
        self.contents.texts |= {
            place.path: self.contents.python[place.path] for place in judged.sites
        }
        for path, text in self.contents.scripts:
            found_here, number = judge_script(path, text, around)
            self.findings += found_here
            agents += number
            if number:
                self.contents.texts[path] = text
        self.contents.counts.agents = agents
        self._take_all(judge_loads(evaluator, self.root))
        self._stacks(judged)
        self._containers(containers, around, has_ai_code=agents > 0)
        self._models()
        for path, text in sorted(self.contents.texts.items()):
            self.findings += judge_secrets(path, text, self.secrets)

    def _surroundings(self, containers: list[Container]) -> Surroundings:
        around = Surroundings(
            gateways={_gateway(one) for one in self.settings.gateways},
            guards=frozenset(self.settings.guards),
        )
        take_surroundings(containers, around)
        for path, text in self.contents.texts.items():
            if PurePosixPath(path).name.startswith(".env"):
                for line in text.splitlines():
                    if (pair := PAIR.match(line)) and leads_somewhere(pair[1]):
                        around.variables.setdefault(pair[1], set()).add(pair[3])
        return around

    def _take_all(self, rows: Iterable[GateFinding | Reference]) -> None:
        for one in rows:
            if isinstance(one, Reference):
                self._references.append(one)
            else:
                self.findings.append(one)

    def _stacks(self, judged: Judged) -> None:
        self.contents.counts.stacks = len(self.contents.stacks)
        for file in self.contents.stacks:
            self._take_all(judge_stack(file, frozenset(self.settings.detectors)))
        for linked in judged.linked:
            self._linked(linked)
        if self.settings.baseline is not None:
            baseline = read_baseline(self.settings.baseline)
            place = Place(_shown(self.settings.baseline, self.root))
            self.findings += judge_baseline(baseline, self.contents.stacks, place)

    def _linked(self, linked: Linked) -> None:
        by_path = {file.path: file for file in self.contents.stacks}
        for told in sorted(linked.stacks - {""}):
            if Path(told).is_absolute():
                continue
            at = _stack_at(told, linked.place.path, self.root)
            if at is None:
                why = f"{linked.subject} is guarded by {told}, and there is no such file"
                self.findings.append(found(linked.place, "stack-missing", told, why))
            elif (file := by_path.get(at)) and linked.has_tools and file.lets_tools_through:
                why = f"{linked.subject} has tools, and {at} has no tool_output_guards"
                rule = "tool-output-unguarded"
                self.findings.append(found(linked.place, rule, linked.subject, why))

    def _containers(
        self, containers: Sequence[Container], around: Surroundings, *, has_ai_code: bool
    ) -> None:
        self.contents.counts.containers = len(containers)
        is_guarded = has_ai_code and not any(one.rule in _CODE_RULES for one in self.findings)
        for one in containers:
            rows = judge_container(one, around, is_code_guarded=is_guarded, has_ai_code=has_ai_code)
            self._take_all(rows)

    def _models(self) -> None:
        verifiers = [read_verifier(path) for path in self.settings.keys]
        for file in self.contents.locks:
            if file.lock is not None:
                self.contents.counts.models += len(file.lock.models)
                self.findings += judge_lock(file, self.root, verifiers, self.today)
        rules = Rules(verifiers, self.settings.tolerance)
        self.findings += judge_own_models(
            self.contents.locks, self.contents.attestations, self.root, rules
        )
        locked = [one for file in self.contents.locks if file.lock for one in file.lock.models]
        if all(file.lock is not None for file in self.contents.locks):
            self.findings += judge_references(self._references, locked)


def _gateway(told: str) -> str:
    """A gateway of the configuration as `host:port` or `host`."""
    return re.sub(r"^\w+://", "", told).split("/")[0].lower()


def _stack_at(told: str, code: str, root: Path) -> str | None:
    """The stack file that code names, taken from its folder or one above it."""
    home = root.resolve()
    for folder in (root / code).parents:
        place = (folder / told).resolve()
        if place.is_file() and place.is_relative_to(home):
            return place.relative_to(home).as_posix()
        if folder.resolve() == home:
            break
    return None


def _shown(path: Path, root: Path) -> str:
    whole = path.resolve()
    home = root.resolve()
    return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else str(path)


def gate(
    root: Path,
    settings: Settings,
    today: date,
    secrets: SecretJudge = _no_secrets,
    only: tuple[str, ...] = (),
) -> GateReport:
    """Look at a directory, or at the files of it that are named; the whole outcome."""
    contents = Contents(root, settings.exclude, only)
    contents.read()
    return Gate(contents, settings, today, secrets).report()
