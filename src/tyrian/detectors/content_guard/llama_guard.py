"""What both ways of running Llama Guard share: the windows of a view, and their sum."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tyrian.core.detection import Detection, Finding, Severity, View
from tyrian.core.taxonomy import Taxonomy
from tyrian.detectors.content_guard.conversation import context, judged_role
from tyrian.detectors.content_guard.families import Family
from tyrian.detectors.content_guard.offer import Offer
from tyrian.detectors.content_guard.prompt import Prompter
from tyrian.detectors.content_guard.verdict import Verdict
from tyrian.detectors.content_guard.windows import Count, Room, Window, plan
from tyrian.errors import DetectorError

SEVERE = frozenset({"S1", "S3", "S4", "S9", "S11"})
_SHARE_OF_DEADLINE = 0.9
_CONTEXT_CHARS = 8
"""Characters per token of room up to which earlier messages are read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a guard judges by, and within which bounds."""

    family: Family
    taxonomy: Taxonomy
    prompter: Prompter
    neutral: Callable[[str], str]
    count: Count
    room: Room
    timeout_s: float

    @property
    def offer(self) -> Offer:
        """The categories that the model is offered."""
        return self.prompter.offer


def windows_of(view: View, rules: Rules) -> Iterator[Window]:
    """The prompts' worth of a view; DetectorError where there is nothing that can be read."""
    images = view.subject.images
    if images and not view.text and not rules.room.images:
        raise DetectorError(f"{rules.family.title} reads no images here, and there is no text")
    return plan(
        view.text,
        images,
        context(view, rules.neutral, rules.room.tokens * _CONTEXT_CHARS),
        judged_role(view),
        room=rules.room,
        prompt=rules.prompter.prompt,
        count=rules.count,
        neutral=rules.neutral,
    )


class Sum:
    """The verdicts of the windows, as they come, and the Detection that they make."""

    def __init__(self, view: View, rules: Rules) -> None:
        self._view = view
        self._rules = rules
        self._scores = {one.label: 0.0 for one in rules.offer}
        self._findings: dict[str, Finding] = {}
        self._is_binary = False
        self._done: list[Window] = []
        self._until = time.monotonic() + rules.timeout_s * _SHARE_OF_DEADLINE

    @property
    def is_late(self) -> bool:
        """True where the deadline leaves no time for another window."""
        return bool(self._done) and time.monotonic() > self._until

    def add(self, window: Window, verdict: Verdict) -> None:
        """Take in one window: the greatest score of each label stands."""
        self._done.append(window)
        self._is_binary = self._is_binary or verdict.is_binary
        for label, score in verdict.scores(self._rules.offer).items():
            self._scores[label] = max(score, self._scores[label])
            known = self._findings.get(label)
            if score >= self._least(label) and (known is None or score > known.score):
                self._findings[label] = self._finding(label, score, window)

    def detection(self) -> Detection:
        """What was found, with the share of text and images that was judged."""
        found = tuple(self._findings.values())
        return Detection(self._scores, found, self._coverage(), self._is_binary)

    def _least(self, label: str) -> float:
        hazard = self._rules.taxonomy.get(label)
        return hazard.threshold if hazard else 0.5

    def _finding(self, label: str, score: float, window: Window) -> Finding:
        hazard = self._rules.taxonomy.get(label)
        severity = Severity.HIGH if label in SEVERE else Severity.MEDIUM
        rule = f"llama-guard.{label.lower()}"
        name = hazard.name if hazard else label
        return Finding(rule, label, name, severity, score, window.start, window.end)

    def _coverage(self) -> float:
        """Each image weighs as much as the whole text."""
        images = self._view.subject.images
        units = len(images) + bool(self._view.text)
        if not units:
            return 1.0
        seen = {id(image) for window in self._done for image in window.images}
        read = sum(id(image) in seen for image in images)
        text = self._share_of_text() if self._view.text else 0.0
        return (read + text) / units if read < len(images) or text < 1.0 else 1.0

    def _share_of_text(self) -> float:
        reached = judged = 0
        for window in self._done:
            judged += max(window.end - max(window.start, reached), 0)
            reached = max(reached, window.end)
        return judged / len(self._view.text)
