"""Long texts for detectors that judge a limited number of characters at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tyrian.core.detection import Detection, Finding, View
from tyrian.core.message import TextPart

ELSEWHERE = "firewall.elsewhere"
"""Rule of the finding that stands for windows which a detector scored without saying why."""
_OVERLAP_SHARE = 8
"""Neighbouring windows share one eighth of their size."""


def windows(length: int, size: int) -> Iterator[tuple[int, int]]:
    """Windows of `size` with overlap that cover 0..length; the last one ends at its end."""
    overlap = size // _OVERLAP_SHARE
    start = 0
    while True:
        end = min(start + size, length)
        yield start, end
        if end >= length:
            return
        start = min(end - overlap, length - size)


def window_view(view: View, start: int, end: int) -> View:
    """The view of one window: same seat, origin and trace, only a piece of the text."""
    subject = replace(view.subject, parts=(TextPart(view.text[start:end]),))
    return View.of(subject, view.stage, view.trace)


@dataclass(slots=True)
class Coverage:
    """What has been judged of a text so far; written by one thread, read by another."""

    length: int
    judged: list[tuple[int, int, Detection]] = field(default_factory=list)

    def add(self, start: int, end: int, detection: Detection) -> None:
        """Take in the detection of one window."""
        self.judged.append((start, end, detection))

    def merged(self) -> Detection:
        """Scores by max, findings shifted to the whole text, and the share that was judged.

        A place in one window is none for another: its score becomes a finding without a place.
        """
        judged = tuple(self.judged)
        scores: dict[str, float] = {}
        findings: dict[tuple[str, str, int, int], Finding] = {}
        unplaced: dict[str, float] = {}
        reached = 0
        seen = 0.0
        for start, end, detection in judged:
            for label, score in detection.scores.items():
                scores[label] = max(score, scores.get(label, 0.0))
            for found in shifted(detection.findings, start):
                key = (found.rule, found.label, found.start, found.end)
                if key not in findings or findings[key].score < found.score:
                    findings[key] = found
            explained = {found.label for found in detection.findings}
            for label in detection.scores.keys() - explained:
                unplaced[label] = max(detection.scores[label], unplaced.get(label, 0.0))
            seen += (end - max(start, reached)) * detection.coverage
            reached = max(reached, end)
        placed = {found.label for found in findings.values()}
        for label, score in sorted(unplaced.items()):
            if score and label in placed:
                found = Finding(ELSEWHERE, label, "found, but not where", score=score)
                findings[ELSEWHERE, label, 0, 0] = found
        share = 1.0 if seen >= self.length else seen / self.length
        is_binary = any(detection.is_binary for _, _, detection in judged)
        return Detection(scores, tuple(findings.values()), share, is_binary)


def shifted(findings: Iterable[Finding], by: int) -> tuple[Finding, ...]:
    """The findings moved `by` characters; those without a place stay without one."""
    return tuple(
        replace(f, start=f.start + by, end=f.end + by) if f.end > f.start else f for f in findings
    )
