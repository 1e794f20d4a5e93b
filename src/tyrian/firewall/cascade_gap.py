"""What the guard behind a cascade judges and the detector that is asked first does not."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tyrian.core.detection import DetectorInfo
from tyrian.core.message import Message
from tyrian.policy.guard import ANY_LABEL


@dataclass(frozen=True, slots=True)
class Gap:
    """What a first detector leaves out; that it finds nothing says nothing about this."""

    images: bool = False
    labels: tuple[str, ...] = ()
    """Labels that matter and that the first detector never gives; `*` for an open set."""

    @classmethod
    def between(cls, first: DetectorInfo, own: DetectorInfo, idle: AbstractSet[str]) -> "Gap":
        """What `own` judges and `first` does not, less the labels of `idle`."""
        known = {*first.labels, *idle}
        labels = () if ANY_LABEL in first.labels else own.labels
        return cls(
            images=own.reads_images and not first.reads_images,
            labels=tuple(label for label in labels if label not in known),
        )

    def of(self, message: Message) -> str:
        """What the first detector leaves out of this message, in words; empty for nothing."""
        return self._words(has_images=bool(message.images))

    def __str__(self) -> str:
        return self._words(has_images=True)

    def _words(self, *, has_images: bool) -> str:
        words = ["images"] if self.images and has_images else []
        words += ["other labels" if label == ANY_LABEL else label for label in self.labels]
        return ", ".join(words)
