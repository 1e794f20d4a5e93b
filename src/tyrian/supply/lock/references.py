"""References of a model's configuration to other repositories, which may move under it.

A loader follows them to whatever stands there that day: `auto_map` to code that it runs
(`OWNER/NAME--module.Class`), an adapter to its base model. A lock holds a commit for each.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tyrian.supply.lock.facts import CODE_KEYS, Facts
from tyrian.supply.lock.fault import Fault, FaultKind

COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_BASE = "base_model_name_or_path"


@dataclass(frozen=True, slots=True)
class Floating:
    """A reference as it stands in a file."""

    file: str
    key: str
    repository: str
    commit: str
    """Empty where the file names none."""


def unknown(facts: Mapping[str, Facts]) -> Iterator[Fault]:
    """Configurations that cannot be read, so that nobody knows what they refer to."""
    for path, known in sorted(facts.items()):
        if path.endswith("config.json") and "unreadable" in known:
            why = f"what it refers to cannot be known: it {known['unreadable']}"
            yield Fault(FaultKind.UNREADABLE, path, why)


def references_of(facts: Mapping[str, Facts]) -> Iterator[Floating]:
    """The references in a model's files, from what is known of their keys."""
    for path, known in sorted(facts.items()):
        for key, value in known.items():
            if "--" in value and any(name in key for name in CODE_KEYS):
                repository = value.strip('"').split("--")[0]
                yield Floating(path, key, repository, "")
        if PurePosixPath(path).name == "adapter_config.json" and _BASE in known:
            repository = known[_BASE].strip('"')
            revision = known.get("revision", "").strip('"')
            if _REPOSITORY.fullmatch(repository):
                commit = revision if COMMIT.fullmatch(revision) else ""
                yield Floating(path, _BASE, repository, commit)
