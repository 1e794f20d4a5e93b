"""Tyrian's detectors as judges of the texts of a dataset."""

from collections.abc import Callable, Iterable

from tyrian.core.detection import Detection, Stage, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig
from tyrian.supply.data.judge import Hit, Judge, Judges

ATTACK = 0.8
"""Score of the embedded Prompt Guard from which a text counts as an attack."""
_SURE = 0.8


def judges(threshold: float = ATTACK) -> Judges:
    """The embedded Prompt Guard on what the first look lets through; the others on every text."""
    from tyrian.detectors.hidden_text import create as create_hidden_text
    from tyrian.detectors.pii.detector import create as create_pii
    from tyrian.detectors.prompt_guard.detector import create as create_prompt_guard
    from tyrian.detectors.secrets.detector import create as create_secrets

    guard = create_prompt_guard(DetectorConfig("prompt_guard", backend="embedded"))
    secrets = create_secrets(DetectorConfig("secrets"))
    hidden = create_hidden_text(DetectorConfig("hidden_text"))
    pii = create_pii(DetectorConfig("pii"))
    return Judges(
        suspicious=(_judge("prompt-attack", threshold, guard.detect),),
        every=(
            _judge("secret", _SURE, secrets.detect),
            _judge("hidden-text", _SURE, hidden.detect),
            _judge("personal-data", _SURE, pii.detect),
        ),
    )


def _judge(rule: str, least: float, detect: Callable[[View], object]) -> Judge:
    def judge(text: str) -> Iterable[Hit]:
        found = detect(View.of(Message.document(text), Stage.DOCUMENT))
        if not isinstance(found, Detection):
            raise TypeError("the embedded detectors answer at once")
        for one in found.findings:
            if one.score >= least:
                yield Hit(rule, one.start, one.end, one.message, one.score)

    return judge
