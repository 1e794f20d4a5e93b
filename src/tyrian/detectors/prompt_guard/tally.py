"""The strongest evidence for each label over all windows of all readings of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tyrian.core.detection import Detection, View
from tyrian.detectors.prompt_guard.channel import FOUND, LABELS, finding, labelled, labels_at
from tyrian.detectors.prompt_guard.readings import Span

EXIT_AT = 0.99
"""Score from which a label is settled, so that the rest of the text is not judged any more."""


@dataclass(slots=True)
class Tally:
    """Scores by label with their places, and how much of each reading was judged."""

    view: View
    has_two: bool
    exit_at: float = EXIT_AT
    _best: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    _judged: int = 0
    _length: int = 0

    def add(self, scores: Mapping[str, float], start: int, end: int, span: Span) -> None:
        """Take in a window's scores; its place is turned into one of `view.text` if it counts."""
        for label, score in labelled(scores, self.view, has_two=self.has_two).items():
            if label not in self._best or score > self._best[label][0]:
                self._best[label] = (min(max(score, 0.0), 1.0), *span(start, end))

    def count(self, judged: int, length: int) -> None:
        """Note how many characters of a reading were judged."""
        self._judged += judged
        self._length += length

    @property
    def is_settled(self) -> bool:
        """True where every label of the channel is found beyond doubt."""
        return all(
            self._best.get(label, (0.0, 0, 0))[0] >= self.exit_at
            for label in labels_at(self.view, has_two=self.has_two)
        )

    @property
    def is_empty(self) -> bool:
        """True where no window was judged at all."""
        return not self._best

    def detection(self) -> Detection:
        """What was seen, with the share of the readings that was judged."""
        scores = {label: self._best.get(label, (0.0, 0, 0))[0] for label in LABELS}
        found = tuple(
            finding(label, score, start, end)
            for label, (score, start, end) in self._best.items()
            if score >= FOUND
        )
        whole = self._judged >= self._length or self.is_settled
        coverage = 1.0 if whole else self._judged / self._length
        return Detection(scores, found, coverage)
