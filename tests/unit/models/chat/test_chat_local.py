"""A causal language model in a directory: probabilities of words, and images as tiles."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tyrian.errors import ConfigError, InputError
from tyrian.models.chat.local import LocalChat, Question
from tyrian.models.chat.tiles import Tiling

Directory = Callable[..., Path]


def test_words_are_scored_by_their_first_token(guard_directory: Directory) -> None:
    model = LocalChat.load(guard_directory("llama-guard-3-8b", is_noise=True), device="cpu")
    prompt = model.render([{"role": "user", "content": "hello"}])
    scores = model.first_token_scores(prompt, ["safe", "unsafe"])
    assert set(scores) == {"safe", "unsafe"}
    assert 0.0 < sum(scores.values()) < 1.0
    again = model.first_token_scores(prompt, ["unsafe", "safe"])
    assert again == pytest.approx(scores)


def test_places_along_an_answer_are_those_of_separate_prefills(guard_directory: Directory) -> None:
    model = LocalChat.load(guard_directory("llama-guard-3-8b"), device="cpu")
    given = model.ids("unsafe\nS1,S10")
    numbers = tuple(range(40))
    questions = [Question(offset, numbers) for offset in range(len(given) + 1)]
    together = model.read("A prompt.", questions, given=given)
    for offset, place in enumerate(together):
        (alone,) = model.read("A prompt.", [Question(offset, numbers)], given=given[:offset])
        assert place.best == alone.best
        assert place.probabilities == pytest.approx(alone.probabilities, abs=1e-6)


@pytest.mark.parametrize("name", ["llama-guard-3-vision", "llama-guard-4"])
def test_a_prompt_needs_one_place_for_each_image(guard_directory: Directory, name: str) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra images")
    model = LocalChat.load(guard_directory(name), device="cpu")
    picture = image.new("RGB", (50, 50), "red")
    for prompt in ("no place", "<|image|> two <|image|>"):
        with pytest.raises(InputError, match="one place"):
            model.first_token_scores(prompt, ["safe"], images=[picture])
    assert model.first_token_scores("<|image|> one", ["safe"], images=[picture])["safe"] > 0.0


def test_a_model_without_template_or_weights_says_so(
    guard_directory: Directory, tmp_path: Path
) -> None:
    assert not LocalChat.load(guard_directory("llama-guard-4", False), device="cpu").template
    with pytest.raises(ConfigError, match="cannot be loaded"):
        LocalChat.load(tmp_path)
    with pytest.raises(ConfigError, match="dtype"):
        LocalChat.load(guard_directory("llama-guard-4"), dtype="int3")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "hpu", "meta"])
def test_a_device_that_is_not_here_is_refused_before_weights_are_read(
    device: str, tmp_path: Path
) -> None:
    pytest.importorskip("transformers", reason="needs the extra hf")
    with pytest.raises(ConfigError, match=f"no device {device!r} here") as refused:
        LocalChat.load(tmp_path, device=device)
    assert "device: cpu" in refused.value.hint


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((500, 300), (1, 2)),
        ((336, 336), (1, 1)),
        ((30, 40), (1, 1)),
        ((1000, 1000), (3, 3)),
        ((2000, 300), (1, 6)),
        ((300, 2500), (8, 1)),
        ((1344, 1344), (4, 4)),
        ((3000, 2000), (3, 5)),
        ((1, 4000), (12, 1)),
    ],
)
def test_tiles_are_those_of_llama_4(size: tuple[int, int], grid: tuple[int, int]) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra images")
    pytest.importorskip("torch", reason="needs the extra hf")
    tiling = Tiling()
    pixels, found = tiling.pixels(image.new("RGB", size, "white"))
    rows, columns = grid
    tiles = rows * columns + (rows * columns > 1)
    assert found == grid
    assert tuple(pixels.shape) == (tiles, 3, 336, 336)
    assert pixels.max().item() == 1.0
    text = tiling.tokens(grid)
    assert text.count("<|patch|>") == tiles * 144
    assert text.count("<|image|>") == 1
    several = rows * columns > 1
    assert text.count("<|tile_y_separator|>") == (rows if several else 0)
    assert text.count("<|tile_x_separator|>") == (rows * (columns - 1) if several else 0)
    assert text.count("<|") <= tiling.most_tokens
