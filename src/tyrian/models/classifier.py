"""What every text classifier is, whatever runs it: embedded, torch, onnx or a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scored:
    """Probabilities of one text, and the place that they come from."""

    scores: Mapping[str, float]
    start: int = 0
    end: int = 0


class Classifier(Protocol):
    """Gives each of its labels a calibrated probability; 0.5 is the shipped threshold."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of the model."""

    @property
    def revision(self) -> str:
        """Identity of the weights."""

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each label for a text of any length."""


class LocatingClassifier(Classifier, Protocol):
    """A classifier that also says where in the text its evidence stands."""

    def locate(self, text: str) -> Scored:
        """The probabilities, and the window that they come from."""
