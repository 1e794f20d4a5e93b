"""The self-test lets a trained head pass and refuses one that is random, inverted or constant."""

import random

import pytest

from tyrian.errors import ModelError
from tyrian.models.embedded import embedded_prompt_guard
from tyrian.models.selftest import PROMPT_ATTACKS, Probes, check_head


def test_the_embedded_model_passes() -> None:
    check_head(lambda text: 1.0 - embedded_prompt_guard().score(text)["benign"])


def test_an_inverted_head_is_refused_with_its_figures() -> None:
    with pytest.raises(ModelError, match=r"AUC 0\.\d\d") as caught:
        check_head(lambda text: embedded_prompt_guard().score(text)["benign"])
    assert "head looks untrained" in str(caught.value)


def test_a_constant_score_is_refused() -> None:
    with pytest.raises(ModelError, match=r"AUC 0\.50"):
        check_head(lambda _: 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_refused(seed: int) -> None:
    dice = random.Random(seed)
    with pytest.raises(ModelError):
        check_head(lambda _: 0.5 + dice.uniform(-0.05, 0.05))


def test_the_right_order_without_a_margin_is_refused() -> None:
    with pytest.raises(ModelError, match=r"AUC 1\.00"):
        check_head(lambda text: 0.51 if text in PROMPT_ATTACKS.attacks else 0.5)


def test_other_kinds_of_models_bring_their_own_probes() -> None:
    probes = Probes(attacks=("bad",), benign=("good",))
    check_head(lambda text: 0.9 if text == "bad" else 0.1, probes)
