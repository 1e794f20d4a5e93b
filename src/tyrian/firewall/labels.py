"""Which values of a message carry a label: what detectors of secrets and personal data find."""

from collections.abc import Iterable, Iterator

from tyrian.core.detection import Detection, Detector, View
from tyrian.core.message import Message, Origin
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.errors import DetectorError
from tyrian.policy.labels import DETECTORS, PII
from tyrian.policy.trace import Labeller

_PERSONAL = frozenset(label for label, kind in DETECTORS.items() if kind == PII)


def labeller(labels: Iterable[str]) -> Labeller:
    """Finds the values that carry any of these labels; loads only the detectors that it needs.

    Personal data count where a tool, memory or retrieval brings them: the user's own are theirs to
    give. Secrets count wherever they stand, save in what the model writes.
    """
    wanted = frozenset(labels)
    kinds = sorted({DETECTORS[label] for label in wanted})
    detectors = [create_detector(kind, DetectorConfig(name=kind)) for kind in kinds]

    def find(message: Message) -> Iterator[tuple[str, str]]:
        is_users = message.origin in (Origin.USER, Origin.OPERATOR)
        fit = wanted - _PERSONAL if is_users else wanted
        if not fit or not message.text:
            return
        view = View.of(message)
        for detector in detectors:
            for found in _detected(detector, view).findings:
                if found.label in fit and found.end > found.start:
                    yield found.label, view.text[found.start : found.end]

    return find


def _detected(detector: Detector, view: View) -> Detection:
    found = detector.detect(view)
    if not isinstance(found, Detection):
        raise DetectorError("a detector of labelled values must judge at once")
    return found
