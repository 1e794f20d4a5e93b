"""Audit: one record per decision, without the text unless the stack asks for it."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from tyrian.core.decision import Decision
from tyrian.core.detection import DetectorRun
from tyrian.core.message import Message
from tyrian.errors import StoreError

LEAST_SCORE = 0.01
"""Scores below it are left out of records: they would be most of every record of benign text."""


class AuditRun(msgspec.Struct, frozen=True):
    """One detector's run, as the record holds it."""

    detector: str
    status: str
    elapsed_s: float
    scores: dict[str, float]
    """Those from LEAST_SCORE on."""
    coverage: float
    reason: str


class AuditRecord(msgspec.Struct, frozen=True):
    """What was decided, when, by which rules, about which content."""

    time: datetime
    """UTC; ISO 8601 in JSON."""
    id: str
    """The decision's."""
    trace: str
    """The trace's id, empty where it has none."""
    stage: str
    effect: str
    role: str
    origin: str
    rules: tuple[str, ...]
    runs: tuple[AuditRun, ...]
    policy: str
    sha256: str
    """Of `Message.text` as it came, in UTF-8."""
    images: tuple[str, ...]
    """SHA-256 of each image's URL as it came; `data:` URLs hold the image itself."""
    length: int
    """Characters."""
    elapsed_s: float
    is_cached: bool
    text: str | None = None
    """The text as it came, only where the stack file asks for it."""


class AuditSink(Protocol):
    """Where records go. A record counts as written when `write` returns.

    A sink with a true attribute `is_blocking` is called from a worker thread.
    """

    def write(self, record: AuditRecord) -> None:
        """Write one record, or raise StoreError."""


class NoAudit:
    """Keeps nothing."""

    def write(self, record: AuditRecord) -> None:
        """Drop the record."""


class MemoryAudit:
    """Keeps the records in a list, for tests and short-lived programs."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def write(self, record: AuditRecord) -> None:
        """Append the record."""
        self.records.append(record)


class JsonlAudit:
    """Appends JSON lines to a file that only its owner may read.

    Each record is one `write` to the operating system before the answer leaves, so that a killed
    process loses none; with `fsync` a power cut loses none either.
    """

    def __init__(self, path: Path | str, *, fsync: bool = False) -> None:
        self.path = Path(path)
        self.is_blocking = fsync
        self._encoder = msgspec.json.Encoder()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def write(self, record: AuditRecord) -> None:
        """Append one line; StoreError where the disk does not take it whole."""
        line = self._encoder.encode(record) + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError("the line was cut short")
            if self.is_blocking:
                os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def close(self) -> None:
        """Close the file; later writes fail."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the audit log {path} cannot be written: {error.strerror or error}",
        hint="free the disk, fix the permissions, or set another path under audit:",
    )


def audit_record(
    decision: Decision, message: Message, trace_id: str, *, include_text: bool = False
) -> AuditRecord:
    """The record of a decision about a message as it came."""
    text = message.text
    raw = text.encode("utf-8", "surrogatepass")
    return AuditRecord(
        time=datetime.now(UTC),
        id=decision.id,
        trace=trace_id,
        stage=decision.stage,
        effect=str(decision.effect),
        role=message.role,
        origin=message.origin,
        rules=tuple(reason.rule for reason in decision.reasons),
        runs=tuple(map(_audit_run, decision.runs)),
        policy=decision.policy,
        sha256=hashlib.sha256(raw).hexdigest(),
        images=tuple(
            hashlib.sha256(i.url.encode("utf-8", "surrogatepass")).hexdigest()
            for i in message.images
        ),
        length=len(text),
        elapsed_s=round(decision.elapsed_s, 6),
        is_cached=decision.is_cached,
        text=raw.decode("utf-8", "replace") if include_text else None,
    )


def _audit_run(run: DetectorRun) -> AuditRun:
    detection = run.detection
    scores = {k: v for k, v in detection.scores.items() if v >= LEAST_SCORE} if detection else {}
    coverage = detection.coverage if detection else 0.0
    return AuditRun(run.detector, run.status, round(run.elapsed_s, 6), scores, coverage, run.reason)
