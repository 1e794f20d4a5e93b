"""The gate: looks at everything that makes an AI system, and says what is unguarded.

Reads files and runs none of them; needs no network, and nothing that may or may not be installed.
"""

import re
import tomllib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.gate.config.baseline import judge_baseline, read_baseline
from tyrian.supply.gate.config.compose import compose_containers, is_compose
from tyrian.supply.gate.config.container import Container, judge_container, take_surroundings
from tyrian.supply.gate.config.dependencies import (
    has_lock,
    is_requirements,
    judge_project,
    judge_requirements,
)
from tyrian.supply.gate.config.document import Document, DocumentError, read_documents, read_json
from tyrian.supply.gate.config.kubernetes import is_kubernetes, kubernetes_containers
from tyrian.supply.gate.config.mcp import is_mcp_file, judge_mcp, servers_of
from tyrian.supply.gate.config.script import ENDINGS, judge_script
from tyrian.supply.gate.config.secret import SecretJudge, is_secret, judge_secrets, secret_named
from tyrian.supply.gate.config.stack import StackFile, is_stack, judge_stack, read_stack
from tyrian.supply.gate.finding import Counts, GateFinding, Place, found
from tyrian.supply.gate.model.lock import LockFile, judge_lock, read_lock_file
from tyrian.supply.gate.model.reference import Reference, judge_references
from tyrian.supply.gate.model.tuned import ATTESTATION, Rules, judge_own_models
from tyrian.supply.gate.paths import MOST_BYTES, files_below
from tyrian.supply.gate.python.evaluate import Evaluator
from tyrian.supply.gate.python.judge import Judged, Linked, judge_python
from tyrian.supply.gate.python.loads import judge_loads
from tyrian.supply.gate.python.source import Module, read_module
from tyrian.supply.gate.report import GateReport, concluded
from tyrian.supply.gate.settings import Settings
from tyrian.supply.gate.surroundings import ALL_URL_VARIABLES, Surroundings
from tyrian.supply.lock.lock import LOCK_NAME

_AI = re.compile(
    r"\b(?:openai|anthropic|langchain|langgraph|llama_index|pydantic_ai|litellm|transformers|vllm"
    r"|ollama|crewai|autogen|smolagents|tyrian|trust.remote.code|OPENAI_\w+|mcpServers"
    r"|preflight_guards|tool_output_guards|postflight_guards|\w+_guard_?\d?)\b",
    re.IGNORECASE,
)
_TOPS = re.compile(r"^(?:agent|services|apiVersion)\s*:", re.MULTILINE)
_CODE_RULES = frozenset({"input-unguarded", "tool-output-unguarded", "decision-ignored"})
_PAIR = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(['\"]?)(.*?)\2\s*$")


def _no_secrets(_: str) -> Iterable[tuple[int, str]]:
    return ()


@dataclass(slots=True)
class Gate:
    """One run of the gate over a directory."""

    root: Path
    settings: Settings
    today: date
    secrets: SecretJudge = _no_secrets
    """Finds secrets in texts; those under telling names are found without it."""
    only: tuple[str, ...] = ()
    """Files to look at, relative to the root; all below it where none are named."""
    findings: list[GateFinding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    stacks: list[StackFile] = field(default_factory=list)
    _modules: list[Module] = field(default_factory=list)
    _scripts: list[tuple[str, str]] = field(default_factory=list)
    _composed: list[Container] = field(default_factory=list)
    _manifests: list[tuple[str, Document]] = field(default_factory=list)
    _locks: list[LockFile] = field(default_factory=list)
    _attestations: list[str] = field(default_factory=list)
    _references: list[Reference] = field(default_factory=list)
    _texts: dict[str, str] = field(default_factory=dict)
    """Texts in which no secret may stand."""

    def report(self) -> GateReport:
        """Look at everything, and conclude."""
        self.look()
        return concluded(self.findings, self.counts, self.settings, self.today)

    def look(self) -> None:
        """Read every file, then judge them together."""
        self.read()
        self._judge()

    def read(self) -> None:
        """Read every file; the stacks among them are there afterwards."""
        paths = list(self.only or files_below(self.root, self.settings.exclude))
        beside: dict[str, set[str]] = {}
        for path in paths:
            beside.setdefault(str(PurePosixPath(path).parent), set()).add(PurePosixPath(path).name)
        for path in paths:
            self.counts.files += 1
            names = frozenset(beside[str(PurePosixPath(path).parent)])
            self._read(path, is_locked=has_lock(names))

    def _read(self, path: str, *, is_locked: bool) -> None:
        name = PurePosixPath(path).name
        if name == LOCK_NAME:
            lock, faults = read_lock_file(path, self.root)
            self._locks.append(lock)
            self.findings += faults
        elif name.endswith(ATTESTATION):
            self._attestations.append(path)
        elif (text := self._text(path)) is not None:
            self._take(path, name, text, is_locked=is_locked)

    def _text(self, path: str) -> str | None:
        """The text of a file; None where it has none, which is told where it may matter."""
        try:
            with (self.root / path).open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
        except OSError as error:
            self._unread(path, error.strerror or "it cannot be read")
            return None
        if len(data) > MOST_BYTES:
            if not path.endswith((".json", ".txt", ".lock")) or is_mcp_file(path):
                self._unread(path, f"it is larger than {MOST_BYTES >> 20} MiB")
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if path.endswith((".py", ".yaml", ".yml")) or is_mcp_file(path):
                self._unread(path, f"it is no UTF-8 from byte {error.start} on")
            return None

    def _unread(self, path: str, why: str, line: int = 1) -> None:
        self.findings.append(found(Place(path, line), "not-examined", path, why))

    def _take(self, path: str, name: str, text: str, *, is_locked: bool) -> None:
        if name.endswith(".py"):
            self._python(path, text)
        elif name.endswith(ENDINGS):
            self._scripts.append((path, text))
        elif name.endswith((".yaml", ".yml")):
            if _TOPS.search(text):
                self._yaml(path, text)
        elif name.endswith(".json"):
            if is_mcp_file(path) or '"mcpServers"' in text:
                self._mcp(path, text)
        elif name.startswith(".env") or name.endswith(".env"):
            self._variables(path, text)
        elif name == "pyproject.toml":
            try:
                self.findings += judge_project(path, text)
            except tomllib.TOMLDecodeError as error:
                self._unread(path, f"it is no TOML: {error}")
        elif is_requirements(path):
            self.findings += judge_requirements(path, text, is_locked=is_locked)

    def _python(self, path: str, text: str) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):
                self._modules.append(read_module(path, text))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if _AI.search(text):  # other files say nothing of models
                line = getattr(error, "lineno", None) or 1
                self._unread(path, f"it is no Python that can be read: {_line(error)}", line)
            return
        if _AI.search(text):
            self._texts[path] = text

    def _yaml(self, path: str, text: str) -> None:
        try:
            documents = read_documents(text)
        except DocumentError as error:
            if _AI.search(text):
                self._unread(path, f"it is no YAML that can be read: {error}")
            return
        for document in documents:
            if is_stack(document):
                self.stacks.append(read_stack(path, text, document, self.root))
            elif is_kubernetes(document):
                self._manifests.append((path, document))
            elif is_compose(path, document):
                self._composed += compose_containers(path, document)
            else:
                continue
            self._texts[path] = text

    def _mcp(self, path: str, text: str) -> None:
        try:
            document = read_json(text)
        except DocumentError as error:
            self._unread(path, f"it is no JSON that can be read: {error}")
            return
        self._texts[path] = text
        self.counts.servers += len(servers_of(document))
        self.findings += judge_mcp(path, document)

    def _variables(self, path: str, text: str) -> None:
        if PurePosixPath(path).name.endswith((".example", ".sample", ".template", ".dist")):
            return
        self._texts[path] = text
        for number, line in enumerate(text.splitlines(), 1):
            if (pair := _PAIR.match(line)) and is_secret(pair[1], pair[3]):
                self.findings.append(secret_named(Place(path, number), pair[1]))

    def _judge(self) -> None:
        containers = [*self._composed, *kubernetes_containers(self._manifests)]
        around = self._surroundings(containers)
        evaluator = Evaluator(self._modules, around, self.root.resolve().name)
        judged = judge_python(evaluator)
        self.findings += judged.findings
        agents = len(judged.sites)
        for path, text in self._scripts:
            found_here, number = judge_script(path, text, around)
            self.findings += found_here
            agents += number
            if number:
                self._texts[path] = text
        self.counts.agents = agents
        self._take_all(judge_loads(evaluator, self.root))
        self._stacks(judged)
        self._containers(containers, around, has_ai_code=agents > 0)
        self._models()
        for path, text in sorted(self._texts.items()):
            self.findings += judge_secrets(path, text, self.secrets)

    def _surroundings(self, containers: list[Container]) -> Surroundings:
        around = Surroundings(
            gateways={_gateway(one) for one in self.settings.gateways},
            guards=frozenset(self.settings.guards),
        )
        take_surroundings(containers, around)
        for path, text in self._texts.items():
            if PurePosixPath(path).name.startswith(".env"):
                for line in text.splitlines():
                    if (pair := _PAIR.match(line)) and pair[1] in ALL_URL_VARIABLES:
                        around.variables.setdefault(pair[1], set()).add(pair[3])
        return around

    def _take_all(self, rows: Iterable[GateFinding | Reference]) -> None:
        for one in rows:
            if isinstance(one, Reference):
                self._references.append(one)
            else:
                self.findings.append(one)

    def _stacks(self, judged: Judged) -> None:
        self.counts.stacks = len(self.stacks)
        for file in self.stacks:
            self._take_all(judge_stack(file, frozenset(self.settings.detectors)))
        for linked in judged.linked:
            self._linked(linked)
        if self.settings.baseline is not None:
            baseline = read_baseline(self.settings.baseline)
            place = Place(_shown(self.settings.baseline, self.root))
            self.findings += judge_baseline(baseline, self.stacks, place)

    def _linked(self, linked: Linked) -> None:
        by_path = {file.path: file for file in self.stacks}
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
        self.counts.containers = len(containers)
        is_guarded = has_ai_code and not any(one.rule in _CODE_RULES for one in self.findings)
        for one in containers:
            rows = judge_container(one, around, is_code_guarded=is_guarded, has_ai_code=has_ai_code)
            self._take_all(rows)

    def _models(self) -> None:
        verifiers = [read_verifier(path) for path in self.settings.keys]
        for file in self._locks:
            if file.lock is not None:
                self.counts.models += len(file.lock.models)
                self.findings += judge_lock(file, self.root, verifiers, self.today)
        rules = Rules(verifiers, self.settings.tolerance)
        self.findings += judge_own_models(self._locks, self._attestations, self.root, rules)
        locked = [one for file in self._locks if file.lock for one in file.lock.models]
        if all(file.lock is not None for file in self._locks):
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


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "msg", "") or error).split())[:200] or type(error).__name__
