"""Prompt attacks by the embedded model."""

from dataclasses import dataclass

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.detectors.grams import is_slow, locate
from tyrian.detectors.prompt_guard.channel import FOUND, LABELS, finding, is_users, labelled
from tyrian.detectors.prompt_guard.smallest import gives_no_order
from tyrian.models.classifier import Scored
from tyrian.models.embedded import BENIGN, PromptGuard


def _attack(scored: Scored) -> float:
    return 1.0 - scored.scores[BENIGN]


@dataclass(frozen=True, slots=True)
class PromptGuardDetector:
    """Scores `injection` and `jailbreak` over every view of the text, whole."""

    info: DetectorInfo
    model: PromptGuard
    users: PromptGuard
    """The model for what a user writes, whose attacks are of another kind."""
    has_two_labels: bool = False
    is_bounded: bool = True
    reads_trace: bool = False

    def is_slow(self, view: View) -> bool:
        """Whether the second stage has something to read: too long a work for an event loop."""
        return not gives_no_order(view.text) and is_slow(view, self._model(view))

    def detect(self, view: View) -> Detection:
        """Judge the subject; the finding spans the strongest window."""
        if gives_no_order(view.text):
            return Detection(dict.fromkeys(LABELS, 0.0))
        located = locate(view, self._model(view), _attack)
        scores = labelled(located.scored.scores, view, has_two=self.has_two_labels)
        label = max(scores, key=scores.__getitem__)
        if scores[label] < FOUND:
            return Detection(scores)
        found = finding(label, scores[label], located.start, located.end)
        return Detection(scores, (found,))

    def _model(self, view: View) -> PromptGuard:
        return self.users if is_users(view) else self.model
