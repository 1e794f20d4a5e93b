"""One piece of evidence on a model: what it is, its digest, what it says, and of which bytes."""

from enum import StrEnum
from typing import Any

import msgspec


class Stand(StrEnum):
    """Which way a piece of evidence points."""

    FOR = "supports"
    MEASURED = "measured"
    """It has figures, and whether they are good enough is for people to say."""
    AGAINST = "speaks against"
    OPEN = "leaves open"
    """It could not be checked, or is not of the bytes that were approved."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One file or check that was looked at."""

    kind: str
    """Such as `lock`, `scan`, `evaluation:mitre`, `document:MAP 1.1`."""
    name: str
    """The file, as the request names it."""
    digest: str
    """`sha256:...` of the file; of a directory or run over the lines `sha256  path`."""
    stand: Stand
    told: tuple[str, ...]
    """What it says, a sentence or figure each."""
    bound: str = ""
    """How it is tied to the model's bytes; empty where it is not."""

    def is_of(self, kind: str) -> bool:
        """Whether it is of a kind that a framework's row names."""
        return self.kind == kind or self.kind.startswith(f"{kind}:")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of one benchmark."""

    benchmark: str
    measure: str
    value: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    n: int


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """All that was given on one candidate."""

    name: str
    digest: str = ""
    """Of the model's files, as locked, attested or found."""
    approver: str = ""
    approved_at: str = ""
    source: str = ""
    licence: str = ""
    files: int = 0
    size: int = 0
    """Bytes."""
    scanned: int = 0
    """Bytes of the approved files that a scan examined, by their digests."""
    evidence: tuple[Evidence, ...] = ()
    measured: tuple[Measured, ...] = ()

    @property
    def scanned_share(self) -> float:
        """Share of the approved bytes that were examined, 0..1."""
        return self.scanned / self.size if self.size else 0.0


def text_of(value: Any, most: int = 300) -> str:
    """A value from a file of others as one line of text."""
    return " ".join(str(value).split())[:most]
