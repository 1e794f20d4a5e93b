"""One case of a benchmark, and what a score says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

import msgspec

Data = Mapping[str, object]
"""Plain JSON values."""


def _nothing() -> Data:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sample:
    """One case, in the benchmark's own form.

    `data` holds what the benchmark needs to ask and to judge. `slices` says for each dimension of
    the report where the case belongs, such as `language: c`. Cases of one `cluster` come from the
    same source and are not independent: intervals and tests draw whole clusters.
    """

    id: str
    data: Data
    slices: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""
    duplicate_of: str = ""
    """The case whose text this one repeats; strict scoring counts each text once."""
    invalid: str = ""
    """Why the case cannot be scored rightly, such as a key that is not among the options."""
    nth: int = 0
    """Which of several passes this is, for what is drawn at random; no part of the digest."""

    @property
    def digest(self) -> str:
        """SHA-256 over id and data: what a score was given for."""
        return sha256(msgspec.json.encode((self.id, dict(self.data)), order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True)
class Goal:
    """What an attacker wants of the target, and the operator's prompt that the target has."""

    text: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What is known of one case after judging it.

    `values` maps each measure that applies to a number, mostly 0 or 1. Where a case could not be
    scored, `missing` says why in a word for counting and `values` is empty: neither 0 nor 1.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    label: str = ""
    """The class that a person would name it by, such as `refusal` or `malicious`."""
    missing: str = ""
    why: str = ""
    """For people: what the score rests upon."""
    details: Data = field(default_factory=_nothing)


def unscored(reason: str, why: str = "", **details: object) -> Score:
    """A case without a score, and why."""
    return Score(missing=reason, why=why, details=details)
