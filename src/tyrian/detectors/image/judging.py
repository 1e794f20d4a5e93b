"""From the readings of a message's images to one Detection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tyrian.core.detection import Detection, Finding, View
from tyrian.core.message import TextPart
from tyrian.detectors.image.reader import Reading
from tyrian.detectors.image.source import Source
from tyrian.detectors.image.unreadable import UNREADABLE

RULE = "image"
_IN_TEXT = 0.3
"""Most that a fault of an image inside a text scores: the model sees it as text."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of one image, as the text detectors judge it."""

    number: int
    """Of the image in its message, from 1."""
    source: Source
    where: str
    text: str

    def view(self, view: View) -> View:
        """The passage in the seat of the message that holds the image."""
        subject = replace(view.subject, parts=(TextPart(self.text),))
        return View.of(subject, view.stage, view.trace)


def passages(number: int, source: Source, reading: Reading) -> Iterator[Passage]:
    """The texts of an image, those of one place together."""
    for where, texts in reading.texts.items():
        yield Passage(number, source, where, "\n".join(texts))


@dataclass(slots=True)
class Gathered:
    """Gathers what was found in the images of one message."""

    findings: list[Finding] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)

    def add_reading(self, number: int, source: Source, reading: Reading) -> None:
        """Take in what is wrong with an image itself."""
        self.shares.append(reading.share if source.is_part else 1.0)
        for fault in reading.faults:
            score = fault.score if source.is_part else min(fault.score, _IN_TEXT)
            self._add(
                Finding(
                    f"{RULE}.{fault.rule}",
                    fault.label,
                    f"image {number}: {fault.message}",
                    fault.severity,
                    score,
                    source.start,
                    source.end,
                )
            )

    def add_unread(self, count: int, parts: int, read: int) -> None:
        """Count images behind the first `read` that were not looked at, `parts` of them parts."""
        self.shares += [0.0] * parts
        message = f"{count} images behind the first {read} were not read"
        score = 1.0 if parts else _IN_TEXT
        self._add(Finding(f"{RULE}.too-many", UNREADABLE, message, score=score))

    def add(self, passage: Passage, found: Detection) -> None:
        """Take in what a text detector says of a passage; places are those of the image."""
        for label, score in found.scores.items():
            self.scores[label] = max(score, self.scores.get(label, 0.0))
        for one in found.findings:
            self._add(
                replace(
                    one,
                    rule=f"{RULE}.{one.rule}",
                    message=f"image {passage.number}, {passage.where}: {one.message}",
                    start=passage.source.start,
                    end=passage.source.end,
                )
            )
        if found.coverage < 1.0:
            self.shares.append(found.coverage)

    def detection(self) -> Detection:
        """All of it as one Detection."""
        share = sum(self.shares) / len(self.shares) if self.shares else 1.0
        return Detection(self.scores, _greatest(self.findings), share)

    def _add(self, found: Finding) -> None:
        self.findings.append(found)
        self.scores[found.label] = max(found.score, self.scores.get(found.label, 0.0))


def _greatest(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings without repetitions, the greater score kept."""
    kept: dict[tuple[str, str, int, int], Finding] = {}
    for found in findings:
        key = (found.rule, found.message, found.start, found.end)
        if key not in kept or kept[key].score < found.score:
            kept[key] = found
    return tuple(kept.values())
