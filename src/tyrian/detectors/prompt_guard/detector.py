"""Prompt attacks: injections and jailbreaks, by the embedded model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tyrian.core.detection import Detection, DetectorInfo, Finding, Severity, Stage, View
from tyrian.core.message import Origin
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.fallback import embedded_instead_of
from tyrian.detectors.grams import Located, locate
from tyrian.models.classifier import Scored
from tyrian.models.embedded import (
    BENIGN,
    INJECTION,
    JAILBREAK,
    PromptGuard,
    embedded_prompt_guard,
)

LABELS = (INJECTION, JAILBREAK)
FOUND = 0.5
"""Score from which there is a finding; the scores themselves are always given."""

_WEIGHTS = MappingProxyType(
    {"prompt_guard_1": "Prompt Guard 1", "prompt_guard_2": "Prompt Guard 2"}
)
_MESSAGES = MappingProxyType(
    {
        INJECTION: "text that tries to give the model orders of its own",
        JAILBREAK: "text that tries to talk the model out of its rules",
    }
)


def _attack(scored: Scored) -> float:
    return 1.0 - scored.scores[BENIGN]


def labelled(scores: Mapping[str, float], view: View, *, has_two: bool) -> dict[str, float]:
    """The scores as labels of the channel.

    Only a user can jailbreak: whatever attacks from elsewhere is an injection. A model of two
    labels does not tell the kinds apart, so there every attack by the user counts as a jailbreak.
    """
    attack = 1.0 - scores[BENIGN]
    if view.stage is not Stage.INPUT or view.subject.origin is not Origin.USER:
        return {INJECTION: attack, JAILBREAK: 0.0}
    if has_two:
        return {INJECTION: 0.0, JAILBREAK: attack}
    return {INJECTION: scores[INJECTION], JAILBREAK: scores[JAILBREAK]}


@dataclass(frozen=True, slots=True)
class PromptGuardDetector:
    """Scores `injection` and `jailbreak` over every view of the text, whole."""

    info: DetectorInfo
    model: PromptGuard
    has_two_labels: bool = False
    is_bounded: bool = True
    reads_trace: bool = False

    def detect(self, view: View) -> Detection:
        """Judge the subject; the finding spans the strongest window."""
        located = locate(view, self.model.locate_in, _attack)
        scores = labelled(located.scored.scores, view, has_two=self.has_two_labels)
        return Detection(scores, self._findings(scores, located))

    def _findings(self, scores: Mapping[str, float], located: Located) -> tuple[Finding, ...]:
        label = max(scores, key=scores.__getitem__)
        if scores[label] < FOUND:
            return ()
        severity = Severity.CRITICAL if scores[label] >= 0.9 else Severity.HIGH
        rule = f"prompt-guard.{label}"
        found = Finding(
            rule, label, _MESSAGES[label], severity, scores[label], located.start, located.end
        )
        return (found,)


def create(config: DetectorConfig) -> PromptGuardDetector:
    """The detector for `prompt_guard`, or for the Prompt Guard that the guard's name says."""
    return _create(config, next((kind for kind in _WEIGHTS if config.name.startswith(kind)), ""))


def create_prompt_guard_1(config: DetectorConfig) -> PromptGuardDetector:
    """The detector for `prompt_guard_1` (three labels), whatever the guard is called."""
    return _create(config, "prompt_guard_1")


def create_prompt_guard_2(config: DetectorConfig) -> PromptGuardDetector:
    """The detector for `prompt_guard_2` (two labels), whatever the guard is called."""
    return _create(config, "prompt_guard_2")


def _create(config: DetectorConfig, asked: str) -> PromptGuardDetector:
    reason = embedded_instead_of(config, weights=_WEIGHTS.get(asked, ""))
    model = embedded_prompt_guard()
    info = DetectorInfo(
        name=config.name,
        kind=asked or "prompt_guard",
        labels=LABELS,
        backend="embedded",
        model="prompt-guard-embedded",
        revision=model.revision,
        fallback=reason,
    )
    return PromptGuardDetector(info, model, has_two_labels=asked == "prompt_guard_2")
