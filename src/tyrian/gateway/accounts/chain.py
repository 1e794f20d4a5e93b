"""The audit chain as pure functions: how a link is hashed, and how a chain is checked.

Each hash covers the hash before it and the event: `sha256(previous ‖ canonical JSON)`. Whoever
edits, drops or reorders an event has to make every later hash anew; whoever does that, or cuts
the end off, contradicts the checkpoints that were written elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

GENESIS: Final = bytes(32)
"""What stands in the place of the hash before the first event."""


@dataclass(frozen=True, slots=True)
class Link:
    """One event with its place in the chain of its organisation."""

    organisation_id: str
    sequence: int
    id: str
    at: int
    type: str
    actor: Mapping[str, Any]
    project_id: str | None
    details: Mapping[str, Any]
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the head of a chain was at some time, kept outside the database."""

    organisation_id: str
    sequence: int
    hash: bytes
    at: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a chain is not what it was."""

    organisation_id: str
    sequence: int
    message: str


def canonical(event: Mapping[str, Any]) -> bytes:
    """The one way to write an event as JSON (RFC 8785 for what events hold: no fractions)."""
    text = json.dumps(
        event, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def hash_of(link: Link) -> bytes:
    """What the hash of this link must be."""
    event = {
        "organisation_id": link.organisation_id,
        "sequence": link.sequence,
        "id": link.id,
        "at": link.at,
        "type": link.type,
        "actor": link.actor,
        "project_id": link.project_id,
        "details": link.details,
    }
    return hashlib.sha256(link.previous_hash + canonical(event)).digest()


class Checker:
    """Checks chains whose links come in order, one organisation after another."""

    def __init__(self, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self.count = 0
        self.faults: list[Fault] = []
        self.heads: dict[str, Checkpoint] = {}
        """The last link of each chain so far."""
        self._awaited: dict[tuple[str, int], set[bytes]] = {}
        for point in checkpoints:
            place = (point.organisation_id, point.sequence)
            self._awaited.setdefault(place, set()).add(point.hash)

    def add(self, link: Link) -> None:
        """Check the next link."""
        before = self.heads.get(link.organisation_id)
        sequence, previous = (before.sequence, before.hash) if before else (0, GENESIS)
        if link.sequence != sequence + 1:
            self._fault(link, f"follows event {sequence}: events are missing, or out of order")
        elif link.previous_hash != previous:
            self._fault(link, "does not hold the hash of the event before it")
        if hash_of(link) != link.hash:
            self._fault(link, "was changed: its hash does not fit")
        expected = self._awaited.pop((link.organisation_id, link.sequence), set())
        if expected - {link.hash}:
            self._fault(link, "contradicts a checkpoint: the chain was rewritten or forked")
        self.count += 1
        head = Checkpoint(link.organisation_id, link.sequence, link.hash, link.at)
        self.heads[link.organisation_id] = head

    def finish(self, ends: Iterable[Checkpoint] | None = None) -> None:
        """Check what can be told only now: cut ends, and events beyond the ends in the database.

        `ends` are the heads that the database named after all links had been read.
        """
        for (organisation, sequence), _ in sorted(self._awaited.items()):
            if sequence > 0:
                message = "is in a checkpoint and no longer in the chain: the end was cut off"
                self.faults.append(Fault(organisation, sequence, message))
        self._awaited.clear()
        if ends is None:
            return
        known = {end.organisation_id: end.sequence for end in ends}
        for organisation, head in self.heads.items():
            if head.sequence > known.get(organisation, 0):
                message = "stands behind the end of the chain"
                self.faults.append(Fault(organisation, head.sequence, message))

    def _fault(self, link: Link, message: str) -> None:
        self.faults.append(Fault(link.organisation_id, link.sequence, message))
