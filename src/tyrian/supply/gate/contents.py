"""What a directory holds, read once: code, stacks, manifests, locks and papers of models."""

import re
import tomllib
import warnings
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tyrian.supply.attest.places import ATTESTATION
from tyrian.supply.gate.config.compose import compose_containers, is_compose
from tyrian.supply.gate.config.container import Container
from tyrian.supply.gate.config.dependencies import (
    has_lock,
    is_requirements,
    judge_project,
    judge_requirements,
)
from tyrian.supply.gate.config.document import Document, DocumentError, read_documents, read_json
from tyrian.supply.gate.config.kubernetes import is_kubernetes, kubernetes_containers
from tyrian.supply.gate.config.mcp import is_mcp_file, judge_mcp, servers_of
from tyrian.supply.gate.config.script import ENDINGS
from tyrian.supply.gate.config.secret import is_secret, secret_named
from tyrian.supply.gate.config.stack import StackFile, is_stack, read_stack
from tyrian.supply.gate.finding import Counts, GateFinding, Place, found
from tyrian.supply.gate.model.lock import LockFile, read_lock_file
from tyrian.supply.gate.paths import MOST_BYTES, files_below
from tyrian.supply.gate.python.select import select, speaks_of_models
from tyrian.supply.gate.python.source import Module, read_module
from tyrian.supply.lock.write import LOCK_NAME

_AI = re.compile(
    r"\b(?:openai|anthropic|langchain|langgraph|llama_index|pydantic_ai|litellm|transformers|vllm"
    r"|ollama|crewai|autogen|smolagents|tyrian|trust.remote.code|OPENAI_\w+|mcpServers"
    r"|preflight_guards|tool_output_guards|postflight_guards|\w+_guard_?\d?)\b",
    re.IGNORECASE,
)
_TOPS = re.compile(r"^(?:agent|services|apiVersion)\s*:", re.MULTILINE)
PAIR = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(['\"]?)(.*?)\2\s*$")
"""A line of a file of variables: name, quote, value."""


@dataclass(slots=True)
class Contents:
    """The files of a directory, and what is wrong with them as they are read."""

    root: Path
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """Files to look at, relative to the root; all below it where none are named."""
    findings: list[GateFinding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    python: dict[str, str] = field(default_factory=dict)
    """Texts of Python files by path."""
    scripts: list[tuple[str, str]] = field(default_factory=list)
    """Paths and texts of JavaScript and TypeScript."""
    stacks: list[StackFile] = field(default_factory=list)
    locks: list[LockFile] = field(default_factory=list)
    attestations: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Texts in which no secret may stand."""
    _composed: list[Container] = field(default_factory=list)
    _manifests: list[tuple[str, Document]] = field(default_factory=list)

    def containers(self) -> list[Container]:
        """Those of all manifests."""
        return [*self._composed, *kubernetes_containers(self._manifests)]

    def modules(self) -> list[Module]:
        """The Python files that have to do with models, parsed."""
        modules: list[Module] = []
        seeds = {path for path, text in self.python.items() if speaks_of_models(text)}
        for path in sorted(select(self.python, seeds)):
            try:
                with warnings.catch_warnings(action="ignore"):
                    modules.append(read_module(path, self.python[path]))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                if path in seeds:  # other files say nothing of models
                    line = getattr(error, "lineno", None) or 1
                    self._unread(path, f"it is no Python that can be read: {_line(error)}", line)
        return modules

    def read(self) -> None:
        """Read every file; the stacks among them are there afterwards."""
        paths = list(self.only or files_below(self.root, self.exclude))
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
            self.locks.append(lock)
            self.findings += faults
        elif name.endswith(ATTESTATION):
            self.attestations.append(path)
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
            self.python[path] = text
        elif name.endswith(ENDINGS):
            self.scripts.append((path, text))
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
            self.texts[path] = text

    def _mcp(self, path: str, text: str) -> None:
        try:
            document = read_json(text)
        except DocumentError as error:
            self._unread(path, f"it is no JSON that can be read: {error}")
            return
        self.texts[path] = text
        self.counts.servers += len(servers_of(document))
        self.findings += judge_mcp(path, document)

    def _variables(self, path: str, text: str) -> None:
        if PurePosixPath(path).name.endswith((".example", ".sample", ".template", ".dist")):
            return
        self.texts[path] = text
        for number, line in enumerate(text.splitlines(), 1):
            if (pair := PAIR.match(line)) and is_secret(pair[1], pair[3]):
                self.findings.append(secret_named(Place(path, number), pair[1]))


def _line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "msg", "") or error).split())[:200] or type(error).__name__
