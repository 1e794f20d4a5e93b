"""The embedded classifiers, for prompt attacks and for content, each in two stages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from tyrian.models.artefact import load
from tyrian.models.classifier import Scored
from tyrian.models.content_heads import embedded_heads
from tyrian.models.content_stage import ContentJudged, ContentMix, ContentStage
from tyrian.models.encoder.guard import embedded_encoder
from tyrian.models.linear import Block as Block
from tyrian.models.linear import Evidence, sigmoid
from tyrian.models.linear import LinearModel as LinearModel
from tyrian.models.linear import blocks_of as blocks_of
from tyrian.models.stages import OTHERS, USERS, Mix, SecondStage, Suspect

BENIGN, INJECTION, JAILBREAK = "benign", "injection", "jailbreak"


@dataclass(frozen=True, slots=True)
class Begun:
    """What the first stage says of a text, and the windows that are left for the second."""

    found: Evidence
    suspects: tuple[Suspect, ...] = ()
    glanced: float = 0.0
    """Logit of an attack at a glance, where no window is left."""


@dataclass(frozen=True, slots=True)
class PromptGuard:
    """The embedded prompt-attack model: benign, injection, jailbreak."""

    model: LinearModel
    second: SecondStage | None = None
    for_users: Mix | None = None
    """How the stages are mixed in what a user writes; None for the mix of all other text."""
    labels: tuple[str, ...] = (BENIGN, INJECTION, JAILBREAK)

    @property
    def revision(self) -> str:
        """Identity of the weights, of both stages where there are two."""
        first = self.model.artefact.revision
        return f"{first}+{self.second.encoder.revision}" if self.second else first

    def of_users(self) -> "PromptGuard":
        """The same model for what a user writes; its gates are the same, so one reading serves."""
        if self.second is None or self.for_users is None:
            return self
        return replace(self, second=replace(self.second, mix=self.for_users))

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each label."""
        return self.locate(text).scores

    def locate(self, text: str) -> Scored:
        """The probabilities and the window behind them."""
        return self.locate_in(blocks_of(text))

    def locate_in(self, blocks: Iterable[Block]) -> Scored:
        """As `locate`, from grams that were made before."""
        return self.end(self.begin(blocks))

    def begin(self, blocks: Iterable[Block]) -> Begun:
        """The first stage, which takes about a millisecond for a short text."""
        if self.second is None:
            return Begun(self.model.judge(blocks))
        lookout = self.second.lookout()
        found = self.model.judge(blocks, lookout)
        return Begun(found, tuple(lookout.chosen()), lookout.glanced)

    def end(self, begun: Begun) -> Scored:
        """The second stage, which takes many times as long where windows are left, and the scores.

        The likelier kind gets the whole probability of an attack, the other its fair share, so
        that doubt about the kind never hides the attack.
        """
        attack, jailbreak, place = self._judged(begun)
        top = max(jailbreak, 1.0 - jailbreak)
        scores = {
            BENIGN: 1.0 - attack,
            INJECTION: attack * (1.0 - jailbreak) / top,
            JAILBREAK: attack * jailbreak / top,
        }
        return Scored(scores, *place)

    def _judged(self, begun: Begun) -> tuple[float, float, tuple[int, int]]:
        """The probabilities of an attack and of a jailbreak if it is one, and the place."""
        found = begun.found
        if self.second is None:
            kind = sigmoid(float(found.fine[0]))
            return found.probability, kind, (found.start, found.end)
        judged = self.second.judge(found, begun.glanced, begun.suspects)
        kind = float(found.fine[0])
        if judged.jailbreak is not None:
            kind = (kind + judged.jailbreak) / 2 if found.is_fine else judged.jailbreak
        start, end = found.start, found.end
        if judged.suspect is not None:
            first, last = judged.suspect.span
            if not first <= (start + end) // 2 <= last:
                start, end = first, last
        return sigmoid(judged.logit), sigmoid(kind), (start, end)


@dataclass(frozen=True, slots=True)
class ContentGuard:
    """The embedded content-safety model: S1 to S14, a weak signal (see its model card)."""

    model: LinearModel
    second: ContentStage | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Hazard categories in the order of the model."""
        return self.model.artefact.labels

    @property
    def revision(self) -> str:
        """Identity of the weights, of both stages where there are two."""
        first = self.model.artefact.revision
        return f"{first}+{self.second.stage.encoder.revision}" if self.second else first

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each hazard."""
        return self.locate(text).scores

    def locate(self, text: str) -> Scored:
        """The probabilities and the window behind them."""
        return self.locate_in(blocks_of(text))

    def locate_in(self, blocks: Iterable[Block]) -> Scored:
        """As `locate`, from grams that were made before."""
        return self.end(self.begin(blocks))

    def begin(self, blocks: Iterable[Block]) -> Begun:
        """The first stage, which takes about a millisecond for a short text."""
        if self.second is None:
            return Begun(self.model.judge(blocks))
        sighting = self.second.sighting()
        found = self.model.judge(blocks, sighting)
        return Begun(found, tuple(sighting.chosen()))

    def end(self, begun: Begun) -> Scored:
        """The second stage, which takes many times as long where windows are left, and the scores.

        The likeliest hazard gets the whole probability of unsafe content, the others their share.
        """
        judged = self._judged(begun)
        odds = [sigmoid(raw) for raw in judged.fine.tolist()]
        unsafe = sigmoid(judged.logit) / max(odds)
        scores = {label: unsafe * one for label, one in zip(self.labels, odds, strict=True)}
        return Scored(scores, judged.start, judged.end)

    def _judged(self, begun: Begun) -> Evidence | ContentJudged:
        """What one stage says, or both."""
        if self.second is None:
            return begun.found
        return self.second.judge(begun.found, self.model, begun.suspects)


@cache
def embedded_prompt_guard() -> PromptGuard:
    """The shipped prompt-attack model, read once per process."""
    encoder = embedded_encoder()
    users, others = (Mix(**encoder.mixes[origin]) for origin in (USERS, OTHERS))
    second = SecondStage(encoder, _content_model(), others)
    return PromptGuard(LinearModel(load("prompt-guard")), second, users)


@cache
def _content_model() -> LinearModel:
    return LinearModel(load("content-guard"))


@cache
def embedded_content_guard() -> ContentGuard:
    """The shipped content-safety model, read once per process."""
    model, guard = _content_model(), embedded_prompt_guard()
    mix = ContentMix.in_meta(model.artefact.meta)
    if guard.second is None or mix is None:
        return ContentGuard(model)
    heads = embedded_heads(guard.second.encoder.network)
    return ContentGuard(model, ContentStage(guard.second, guard.model, mix, heads))
