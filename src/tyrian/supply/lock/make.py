"""Approve a directory: read every byte of it, refuse what cannot be vouched for or may move."""

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import BlockedError, ConfigError
from tyrian.supply.lock.digest import Advance, unheard
from tyrian.supply.lock.facts import facts_of, is_meaningful
from tyrian.supply.lock.fault import Fault
from tyrian.supply.lock.lock import LockedModel, Reference, locked_files
from tyrian.supply.lock.read import read_directory
from tyrian.supply.lock.references import COMMIT, Floating, references_of, unknown
from tyrian.supply.lock.walk import FoundFile

_LICENCE = re.compile(r"^license:[ \t]*[\"']?([\w.+ -]{1,80}?)[\"']?[ \t]*$", re.MULTILINE)
_LONGEST_CARD = 1 << 18


class FloatingError(BlockedError):
    """A reference that would mean something else tomorrow."""


class FaultyError(BlockedError):
    """A directory with something in it that nobody can vouch for."""

    def __init__(self, directory: Path, faults: Sequence[Fault]) -> None:
        super().__init__(
            f"{directory} cannot be approved: {len(faults)} of its files are at fault",
            hint="remove or mend them; nothing was written",
        )
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approves which model, and what it is said to be."""

    name: str
    approver: str
    at: str
    """ISO 8601 in UTC."""
    repository: str = ""
    commit: str = ""
    licence: str = ""
    expires: str = ""
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Commits of repositories that the configuration refers to."""


def now() -> str:
    """The time for an approval: SOURCE_DATE_EPOCH where it is set, so that builds repeat."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def check_approval(approval: Approval) -> None:
    """Refuse an approval by nobody, until no day, or of a revision that moves."""
    if not approval.approver.strip() or not approval.approver.isprintable():
        raise ConfigError(
            "nobody approves the model", hint="--approver NAME, or TYRIAN_APPROVER in CI"
        )
    if approval.expires:
        try:
            date.fromisoformat(approval.expires)
        except ValueError:
            raise ConfigError(
                f"--expires {approval.expires!r} is no date", hint="such as 2027-03-31"
            ) from None
    if approval.repository and not COMMIT.fullmatch(approval.commit):
        raise FloatingError(
            f"{approval.repository}@{approval.commit or 'main'} is a floating reference: it names "
            "whatever stands there that day",
            hint=f"name the commit: tyrian model lock {approval.repository}@COMMIT",
        )


def lock_directory(
    directory: Path,
    approval: Approval,
    *,
    left_out: frozenset[str] = frozenset(),
    advance: Advance = unheard,
) -> LockedModel:
    """The model of a directory, every byte read; `left_out` are paths within it.

    FaultyError with all faults, FloatingError with the options that pin the references.
    """
    check_approval(approval)
    read = read_directory(directory, left_out, advance, with_git=True)
    if not read.found and not read.faults:
        raise ConfigError(f"{directory} has no files", hint="name the directory of a model")
    if read.faults:
        raise FaultyError(directory, read.faults)
    facts = known_facts(read.found)
    if faults := list(unknown(facts)):
        raise FaultyError(directory, faults)
    return LockedModel(
        name=approval.name,
        repository=approval.repository,
        commit=approval.commit,
        licence=approval.licence or _licence_of(read.found),
        approver=approval.approver.strip(),
        approved_at=approval.at,
        expires=approval.expires,
        references=pinned(facts, approval.pins),
        files=locked_files(read.files),
        facts=facts,
    )


def known_facts(files: Sequence[FoundFile]) -> dict[str, dict[str, str]]:
    """The facts of all files that have some."""
    told = [file for file in files if not file.link and is_meaningful(file.path)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda file: facts_of(file.place, file.path), told)
        return {file.path: facts for file, facts in zip(told, found, strict=True)}


def pinned(
    facts: Mapping[str, Mapping[str, str]], pins: Mapping[str, str]
) -> tuple[Reference, ...]:
    """The references with a commit each; FloatingError tells how to pin those without."""
    found, floating = [], list[Floating]()
    for one in references_of(facts):
        commit = one.commit or pins.get(one.repository, "")
        if not COMMIT.fullmatch(commit):
            floating.append(one)
        found.append(
            Reference(file=one.file, key=one.key, repository=one.repository, commit=commit)
        )
    if floating:
        first = floating[0]
        options = " ".join(dict.fromkeys(f"--pin {one.repository}=COMMIT" for one in floating))
        raise FloatingError(
            f"{first.file} refers to {first.repository} ({first.key}) and names no commit: a "
            "loader takes what stands there that day",
            hint=f"lock with {options}, and load with that code_revision or revision",
        )
    return tuple(found)


def _licence_of(files: Sequence[FoundFile]) -> str:
    """What the front matter of the model card says."""
    card = next((file for file in files if file.path == "README.md"), None)
    if card is None:
        return ""
    with open(card.place, "rb") as file:
        text = file.read(_LONGEST_CARD).decode("utf-8", "replace")
    front = text.split("\n---", 1)[0] if text.startswith("---") else ""
    found = _LICENCE.search(front)
    return found[1].strip() if found else ""
