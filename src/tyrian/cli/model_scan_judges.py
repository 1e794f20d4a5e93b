"""Tyrian's detectors as judges of the texts beside a model."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tyrian.supply.scan.finding import TextJudge

if TYPE_CHECKING:
    from tyrian.core.detection import Detection, View

_SURE = 0.8
_PROMPT_GUARD_SURE = 0.9
_MOST = 1 << 20
"""Characters that are judged; longer texts are data, not notes."""


def text_judge(*, prompt_guard: bool) -> TextJudge:
    """Secrets and hidden text; with `prompt_guard` also what reads like an attack."""
    judges: list[_Judge] = []

    def judge(text: str) -> Iterable[tuple[int, str, str]]:
        if not text or len(text) > _MOST:
            return
        # A model without texts needs none of this.
        from tyrian.core.detection import Stage, View
        from tyrian.core.message import Message

        if not judges:
            judges.extend(_judges(prompt_guard=prompt_guard))
        view = View.of(Message.document(text), Stage.DOCUMENT)
        for rule, least, detect in judges:
            for found in detect(view).findings:
                if found.score >= least:
                    yield found.start, rule, found.message

    return judge


_Judge = tuple[str, float, Callable[["View"], "Detection"]]


def _judges(*, prompt_guard: bool) -> Iterator[_Judge]:
    from tyrian.core.registry import DetectorConfig
    from tyrian.detectors.hidden_text import create as create_hidden_text
    from tyrian.detectors.secrets.detector import create as create_secrets

    yield "text-secret", _SURE, create_secrets(DetectorConfig("secrets")).detect
    yield "text-hidden", _SURE, create_hidden_text(DetectorConfig("hidden_text")).detect
    if prompt_guard:
        from tyrian.models.embedded import BENIGN, embedded_prompt_guard

        guard = embedded_prompt_guard()
        yield (
            "text-attack",
            _PROMPT_GUARD_SURE,
            lambda view: _attack(guard.score(view.text)[BENIGN]),
        )


def _attack(benign: float) -> "Detection":
    from tyrian.core.detection import Detection, Finding

    score = 1.0 - benign
    told = "the embedded Prompt Guard takes it for an attack"
    return Detection.from_findings((Finding("prompt-guard", "attack", told, score=score),))
