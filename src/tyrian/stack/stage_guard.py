"""A guard at its stage, as the firewall builds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.core.registry import DetectorConfig
from tyrian.core.taxonomy import load_taxonomy, thresholds
from tyrian.policy.guard import ANY_LABEL, DEFAULT_THRESHOLD, GuardRule
from tyrian.stack.effects import default_effects, spelled_out
from tyrian.stack.guards import GuardSpec


@dataclass(frozen=True, slots=True)
class StageGuard:
    """A guard at its stage: what the firewall builds a detector and a rule from."""

    stage: Stage
    spec: GuardSpec

    @property
    def kind(self) -> str:
        """The registered name of the detector."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """The guard's name, unique within its stage."""
        return self.spec.id or self.spec.name

    def config(self) -> DetectorConfig:
        """What the detector's factory receives."""
        spec = self.spec
        return DetectorConfig(
            name=self.name,
            backend=spec.backend or "",
            model=spec.model,
            revision=spec.revision,
            url=spec.url,
            fallback=spec.fallback,
            taxonomy=spec.taxonomy,
            timeout_s=spec.timeout_s,
            stages=frozenset({self.stage}),
            options=spec.detector_options,
        )

    def rule(self) -> GuardRule:
        """What follows from the guard's scores; reads the taxonomy for its thresholds."""
        return GuardRule(
            guard=self.name,
            stage=self.stage,
            effects=MappingProxyType(dict(self._effects())),
            thresholds=MappingProxyType(self._thresholds()),
            on_error=Effect.parse(self.spec.on_error),
        )

    def _effects(self) -> Mapping[str, Effect]:
        if not self.spec.classes:
            return default_effects(self.kind, self.stage)
        effects: dict[str, Effect] = {}
        for effect, words in self.spec.classes.items():
            for word in words:
                for label in spelled_out(self.kind, word):
                    effects[label] = max(effect, effects.get(label, Effect.ALLOW))
        return effects

    def _thresholds(self) -> dict[str, float]:
        spec = self.spec
        least = {ANY_LABEL: DEFAULT_THRESHOLD}
        if spec.taxonomy:
            least |= thresholds(load_taxonomy(spec.taxonomy))
        if isinstance(spec.threshold, dict):
            for word, score in spec.threshold.items():
                least |= dict.fromkeys(spelled_out(self.kind, word), score)
        elif spec.threshold is not None:
            least[ANY_LABEL] = spec.threshold
        return least
