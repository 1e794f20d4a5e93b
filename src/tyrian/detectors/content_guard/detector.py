"""Unsafe content, S1 to S14, by the embedded model: a weak signal that says what it cannot do."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tyrian.core.detection import Detection, Detector, DetectorInfo, Finding, Severity, View
from tyrian.core.registry import DetectorConfig
from tyrian.core.taxonomy import Hazard, Taxonomy, load_taxonomy
from tyrian.detectors.content_guard.factory import build_llama_guard
from tyrian.detectors.content_guard.families import BY_KIND
from tyrian.detectors.fallback import EMBEDDED, run_embedded_instead, wants_embedded
from tyrian.detectors.grams import Located, is_slow, locate
from tyrian.detectors.options import option
from tyrian.models.classifier import Scored
from tyrian.models.embedded import ContentGuard, embedded_content_guard
from tyrian.models.own import own_content_guard

NOTE = (
    "a weak signal: a small model that knows what resembles its training; "
    "use Llama Guard where content safety matters"
)
log = logging.getLogger(__name__)

_SEVERE = frozenset({"S1", "S3", "S4", "S9", "S11"})


def _top(scored: Scored) -> float:
    return max(scored.scores.values())


@dataclass(frozen=True, slots=True)
class ContentGuardDetector:
    """Scores each hazard of the taxonomy that the model knows; one half is the shipped threshold.

    The thresholds of the taxonomy are the policy's to apply; here they only choose the findings.
    """

    info: DetectorInfo
    model: ContentGuard
    taxonomy: Taxonomy
    is_bounded: bool = True
    reads_trace: bool = False

    def is_slow(self, view: View) -> bool:
        """Whether the second stage has something to read: too long a work for an event loop."""
        return is_slow(view, self.model)

    def detect(self, view: View) -> Detection:
        """Judge the subject, a user's turn or an answer alike."""
        located = locate(view, self.model, _top)
        raw = located.scored.scores
        scores = {code: raw[code] for code in self.taxonomy if code in raw}
        return Detection(scores, self._findings(scores, located))

    def _findings(self, scores: Mapping[str, float], located: Located) -> tuple[Finding, ...]:
        return tuple(
            self._finding(self.taxonomy[code], score, located)
            for code, score in scores.items()
            if score >= self.taxonomy[code].threshold
        )

    def _finding(self, hazard: Hazard, score: float, located: Located) -> Finding:
        severity = Severity.HIGH if hazard.code in _SEVERE else Severity.MEDIUM
        rule = f"content-guard.{hazard.code.lower()}"
        return Finding(rule, hazard.code, hazard.name, severity, score, located.start, located.end)


def create(config: DetectorConfig) -> Detector:
    """The detector for `content_guard`, or for the Llama Guard that the guard's name says."""
    return _create(config, next((kind for kind in BY_KIND if config.name.startswith(kind)), ""))


def create_llama_guard_2(config: DetectorConfig) -> Detector:
    """The detector for `llama_guard_2`, whatever the guard is called."""
    return _create(config, "llama_guard_2")


def create_llama_guard_3(config: DetectorConfig) -> Detector:
    """The detector for `llama_guard_3`, whatever the guard is called."""
    return _create(config, "llama_guard_3")


def create_llama_guard_4(config: DetectorConfig) -> Detector:
    """The detector for `llama_guard_4`, whatever the guard is called."""
    return _create(config, "llama_guard_4")


def _create(config: DetectorConfig, asked: str) -> Detector:
    taxonomy = load_taxonomy(config.taxonomy)
    family = BY_KIND.get(asked)
    if wants_embedded(config, title=family.title if family else ""):
        return _embedded(config, asked, taxonomy, "")
    built = build_llama_guard(config, asked or "content_guard", taxonomy)
    if not isinstance(built, list):
        return built
    return _embedded(config, asked, taxonomy, run_embedded_instead(config, built))


def _embedded(
    config: DetectorConfig, asked: str, taxonomy: Taxonomy, fallback: str
) -> ContentGuardDetector:
    reasons = [fallback]
    is_own = config.backend == EMBEDDED and bool(config.model)
    model = own_content_guard(config.model) if is_own else embedded_content_guard()
    if not option(config, "second_stage", bool, True):
        model = replace(model, second=None)
    unknown = [code for code in taxonomy if code not in model.labels]
    if unknown:
        classes = ", ".join(unknown)
        reasons.append(f"the embedded model cannot judge these classes of the taxonomy: {classes}")
        log.warning("guard %s: %s", config.name, reasons[-1])
    info = DetectorInfo(
        name=config.name,
        kind=asked or "content_guard",
        labels=tuple(code for code in taxonomy if code in model.labels),
        backend="embedded",
        model="content-guard-embedded",
        revision=model.revision,
        fallback="; ".join(reason for reason in reasons if reason),
        note=NOTE,
    )
    return ContentGuardDetector(info, model, taxonomy)
