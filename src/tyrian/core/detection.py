"""Detectors, what they read (View) and what they return (Detection)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeVar

from tyrian.core.message import Message, Origin, Role, Trace

T = TypeVar("T")


class Stage(StrEnum):
    """Where we stand when a message is judged."""

    INPUT = "input"
    OUTPUT = "output"
    TOOL_CALL = "tool-call"
    TOOL_RESULT = "tool-result"
    DOCUMENT = "document"


def stage_of(message: Message) -> Stage:
    """The stage at which a message is judged when none is named; origin wins over role."""
    if message.origin in (Origin.RETRIEVAL, Origin.MEMORY):
        return Stage.DOCUMENT
    if message.origin is Origin.TOOL or message.role is Role.TOOL:
        return Stage.TOOL_RESULT
    if message.origin is Origin.MODEL:
        calls_only = message.tool_calls and len(message.tool_calls) == len(message.parts)
        return Stage.TOOL_CALL if calls_only else Stage.OUTPUT
    return Stage.INPUT


class Severity(StrEnum):
    """How bad a finding is if it is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence, with its place in `Message.text` of the subject.

    `start` and `end` count characters (half open); both are 0 where there is no single place.
    `message` never quotes the text found, so that logs do not become the leak.
    """

    rule: str
    label: str
    message: str
    severity: Severity = Severity.MEDIUM
    score: float = 1.0
    start: int = 0
    end: int = 0
    advice: str = ""
    """What a person who no longer sees the place should know; stands where it is redacted."""


_NO_SCORES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector saw: a score per label (0..1) and the findings behind it."""

    scores: Mapping[str, float] = field(default_factory=lambda: _NO_SCORES)
    findings: tuple[Finding, ...] = ()
    coverage: float = 1.0
    """The share of the text that was judged, 0..1; less than 1 is never taken for a clean text."""
    is_binary: bool = False
    """Scores are 0 or 1: what judged says yes or no, and gives no probabilities."""

    @classmethod
    def from_findings(cls, findings: tuple[Finding, ...]) -> "Detection":
        """Scores are the greatest finding of each label."""
        scores: dict[str, float] = {}
        for found in findings:
            scores[found.label] = max(scores.get(found.label, 0.0), found.score)
        return cls(scores, findings)

    @property
    def score(self) -> float:
        """The greatest score of any label, 0 where there is none."""
        return max(self.scores.values(), default=0.0)

    @property
    def label(self) -> str:
        """The label with the greatest score, empty where there is none."""
        return max(self.scores, key=self.scores.__getitem__, default="")


class RunStatus(StrEnum):
    """How a detector's run ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """One run of one detector: its Detection, or the reason why there is none."""

    detector: str
    status: RunStatus
    elapsed_s: float
    detection: Detection | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a detector reads: the subject message, the Trace before it, and the stage."""

    subject: Message
    stage: Stage
    trace: Trace = field(default_factory=Trace)
    text: str = ""
    """`subject.text`, joined once."""
    _memo: dict[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, subject: Message, stage: Stage | None = None, trace: Trace | None = None) -> "View":
        """A View of a message, at its natural stage unless one is given."""
        return cls(subject, stage or stage_of(subject), trace or Trace(), subject.text)

    def derive(self, key: str, make: Callable[[], T]) -> T:
        """`make()`, computed once per View and shared by all detectors that ask for `key`."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What a detector is, for people and for `/v1/models`."""

    name: str
    """The name it has in the stack; unique within a stack's stage."""
    kind: str
    """The registered name of the detector, such as `prompt_guard`."""
    labels: tuple[str, ...]
    """Labels its scores may have; `*` marks an open set."""
    backend: str = "builtin"
    model: str = ""
    revision: str = ""
    """Identity of rules or weights; part of the decision cache's key."""
    fallback: str = ""
    """Why another backend than the one asked for runs; empty when it is the one asked for."""
    reads_images: bool = False
    """It judges image parts too, and not the text alone."""
    note: str = ""
    """What to know before relying on it, such as how weak a small model is."""


class Detector(Protocol):
    """Reads a View and gives evidence. It never decides; it may raise.

    `detect` may also be a coroutine function (remote backends); it then runs on the event loop.
    """

    @property
    def info(self) -> DetectorInfo:
        """What this detector is."""

    @property
    def is_bounded(self) -> bool:
        """Linear-time and quick: may run on the event loop for short texts.

        Others run in a worker thread, each under its own deadline.
        """

    def detect(self, view: View) -> Detection | Awaitable[Detection]:
        """Judge the view's subject."""
