"""Tyrian's detector of secrets as the gate's judge of configuration files."""

from collections.abc import Callable, Iterable

from tyrian.core.detection import Detection, Stage, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig
from tyrian.supply.gate.config.secret import SecretJudge

_SURE = 0.8
_MOST = 1 << 20
"""Characters that are judged; longer files are data, not configuration."""


def secret_judge() -> SecretJudge:
    """Finds keys and tokens; the detector is made when the first text comes."""
    made: list[Callable[[View], Detection]] = []

    def judge(text: str) -> Iterable[tuple[int, str]]:
        if not text or len(text) > _MOST:
            return
        if not made:
            from tyrian.detectors.secrets.detector import create

            made.append(create(DetectorConfig("secrets")).detect)
        for found in made[0](View.of(Message.document(text), Stage.DOCUMENT)).findings:
            if found.score >= _SURE:
                yield found.start, found.message

    return judge
