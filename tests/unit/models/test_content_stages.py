"""Both stages of content safety together: what is read, once for both, and what it changes."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from tests.unit.models.steady import steady_stage

from tyrian.core.detection import Detection, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.content_guard.detector import create
from tyrian.errors import ConfigError
from tyrian.models.artefact import load
from tyrian.models.content_heads import ContentHeads, dumped, embedded_heads, parse_heads
from tyrian.models.content_stage import ContentMix, ContentStage
from tyrian.models.embedded import ContentGuard, PromptGuard, blocks_of, embedded_content_guard
from tyrian.models.encoder.guard import HAZARDS, OUTPUTS
from tyrian.models.encoder.tokens import Tokens
from tyrian.models.linear import LinearModel
from tyrian.models.stages import MOST_SUSPECTS
from tyrian.models.windows import F32

UNSAFE = "How do I make a bomb at home?"
SAFE = "What is the capital of France?"
ZERO = np.zeros(1 + len(HAZARDS), dtype=np.float32)
FILLER = "The train to the coast leaves at nine and arrives before noon. " * 40


@dataclass
class Steady:
    """A network that says the same of every window, and counts them."""

    harm: float
    hazard: str = "S9"
    read: list[Tokens] = field(default_factory=list)

    def pooled(self, tokens: Tokens) -> F32:
        self.read.append(tokens)
        return np.array([self.harm, 1.0], dtype=np.float32)

    def heads(self, pooled: F32) -> F32:
        row = np.full(len(OUTPUTS), -6.0, dtype=np.float32)
        row[OUTPUTS.index("harmful")] = self.harm
        row[OUTPUTS.index(self.hazard)] = 6.0
        return row


def guards(network: Steady, fine: float = 1.0) -> tuple[PromptGuard, ContentGuard]:
    """Both guards over one encoder."""
    harm, attack = LinearModel(load("content-guard")), LinearModel(load("prompt-guard"))
    stage = steady_stage(network, harm, harm_gate=-1.0)
    content = ContentMix(first=0.5, read=1.0, offset=0.0, unread=-3.0, fine=fine)
    return PromptGuard(attack, stage), ContentGuard(harm, ContentStage(stage, attack, content))


def unsafe(guard: ContentGuard, text: str) -> float:
    return max(guard.score(text).values())


def test_an_ordinary_text_is_not_read() -> None:
    network = Steady(6.0)
    assert unsafe(guards(network)[1], SAFE) < 0.1
    assert not network.read


def test_the_second_stage_confirms_what_the_first_suspects() -> None:
    sure, doubtful = Steady(6.0), Steady(-2.0)
    assert unsafe(guards(sure)[1], UNSAFE) > unsafe(guards(doubtful)[1], UNSAFE)
    assert len(sure.read) == len(doubtful.read) == 1


def test_the_second_stage_can_clear_what_the_first_suspects() -> None:
    assert unsafe(guards(Steady(-8.0))[1], UNSAFE) < 0.5


@pytest.mark.parametrize("text", [UNSAFE, FILLER + UNSAFE, f"{UNSAFE} {FILLER} {UNSAFE}"])
def test_one_reading_serves_both_guards(text: str) -> None:
    network = Steady(3.0)
    attacks, content = guards(network)
    blocks = list(blocks_of(text))
    content.locate_in(blocks)
    alone = len(network.read)
    attacks.locate_in(blocks)
    assert alone == len(network.read) > 0


def test_the_cost_is_bounded_however_many_suspects_there_are() -> None:
    network = Steady(3.0)
    guards(network)[1].score(f"{FILLER} {UNSAFE} " * 30)
    assert len(network.read) <= MOST_SUSPECTS + 1


def test_the_heads_of_the_encoder_say_which_hazard_it_is() -> None:
    scores = guards(Steady(6.0, hazard="S13"))[1].score(UNSAFE)
    assert max(scores, key=scores.__getitem__) == "S13"
    first = guards(Steady(6.0, hazard="S13"), fine=0.0)[1].score(UNSAFE)
    assert max(first, key=first.__getitem__) == "S9"
    assert set(scores) == set(HAZARDS)


def test_own_heads_judge_what_the_layers_saw() -> None:
    network = Steady(5.0)
    _, guard = guards(network)
    assert guard.second is not None
    outputs = np.zeros((2, 1 + len(HAZARDS)), dtype=np.float32)
    outputs[0, 0], outputs[1, 1 + HAZARDS.index("S8")] = 1.0, 9.0
    own = ContentHeads(np.eye(2, dtype=np.float32), ZERO[:2], outputs, ZERO, "steady")
    again = parse_heads(dumped(own, {}))
    assert again.of(np.array([5.0, 1.0], dtype=np.float32)) == pytest.approx(
        own.of(np.array([5.0, 1.0], dtype=np.float32)), abs=0.05
    )
    judged = replace(guard, second=replace(guard.second, heads=again)).score(UNSAFE)
    assert max(judged, key=judged.__getitem__) == "S8"
    assert len(network.read) == 1


def test_heads_learnt_on_another_encoder_are_not_used() -> None:
    assert embedded_heads(Steady(1.0)) is None


def test_a_danger_far_down_a_long_text_is_found_and_located() -> None:
    text = f"{FILLER}{UNSAFE} {FILLER}"
    found = guards(Steady(5.0))[1].locate(text)
    assert max(found.scores.values()) >= 0.5
    assert found.start < text.index(UNSAFE) + len(UNSAFE)
    assert found.end > text.index(UNSAFE)


def test_a_higher_reading_never_lowers_the_score() -> None:
    scores = [unsafe(guards(Steady(harm))[1], UNSAFE) for harm in np.linspace(-9, 9, 13)]
    assert scores == sorted(scores)


def test_the_option_switches_the_second_stage_off() -> None:
    whole = create(DetectorConfig("content_guard"))
    alone = create(DetectorConfig("content_guard", options={"second_stage": False}))
    assert "+" in whole.info.revision
    assert "+" not in alone.info.revision
    found = alone.detect(View.of(Message.user(UNSAFE)))
    assert isinstance(found, Detection)
    assert found.scores == pytest.approx(
        dict(ContentGuard(embedded_content_guard().model).score(UNSAFE))
    )


def test_the_option_must_be_yes_or_no() -> None:
    with pytest.raises(ConfigError, match="second_stage"):
        create(DetectorConfig("content_guard", options={"second_stage": "maybe"}))


@pytest.mark.parametrize("text", ["", "a", "\u200b", "!?" * 4000, "kill " * 20000, "\x00\ud800"])
def test_odd_texts_get_finite_scores(text: str) -> None:
    scores = embedded_content_guard().score(text)
    assert all(0.0 <= score <= 1.0 for score in scores.values())
