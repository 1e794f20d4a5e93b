"""References to models of the hub, and whether a lock approves them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.lock.lock import LockedModel

COMMIT = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Reference:
    """A model of the hub that something loads, pinned by its commit."""

    place: Place
    repository: str
    commit: str
    is_data: bool = False
    """A dataset, which no lock of models holds."""


def judge_references(
    references: Iterable[Reference], locked: Iterable[LockedModel]
) -> Iterator[GateFinding]:
    """What is loaded and not approved, or approved at another commit."""
    by_name: dict[str, set[str]] = {}
    for model in locked:
        by_name.setdefault(model.repository, set()).add(model.commit)
    for one in references:
        if one.is_data:
            continue
        commits = by_name.get(one.repository)
        if commits is None:
            why = f"no models.lock has {one.repository}"
            yield found(one.place, "model-unlocked", one.repository, why)
        elif one.commit not in commits:
            told = ", ".join(sorted(commit[:_SHORT] for commit in commits))
            why = f"{one.repository} is pinned to {one.commit[:_SHORT]}, and the lock has {told}"
            yield found(one.place, "model-not-as-locked", one.repository, why)
