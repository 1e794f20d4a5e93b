"""A tiny random model in a directory, made here, answers a benchmark; bad directories are named."""

from pathlib import Path

import pytest

from tyrian.errors import ConfigError
from tyrian.evals.exchange import Image, Part, ReplyStatus, Request, Sampling, Turn, ask
from tyrian.evals.models.spec import model_from

transformers = pytest.importorskip("transformers", reason="the extra tyrian[hf] is not installed")
torch = pytest.importorskip("torch", reason="the extra tyrian[hf] is not installed")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of a few thousand weights that knows a word for each letter."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = tmp_path_factory.mktemp("model") / "tiny"
    letters = {letter: at for at, letter in enumerate(["</s>", "abcdefghijklmnopqrstuvwxyz:"])}
    letters |= {chr(code): len(letters) + at for at, code in enumerate(range(32, 127))}
    tokens = Tokenizer(models.WordLevel(letters, unk_token="</s>"))
    tokens.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="</s>")
    tokenizer.save_pretrained(made)
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=len(letters), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
        eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(made, safe_serialization=True)
    return made


async def test_a_local_model_answers_and_says_the_same_again(directory: Path) -> None:
    model = model_from(f"hf:{directory}")
    request = ask("hello there", sampling=Sampling(max_tokens=12))
    first, second = await model.reply(request), await model.reply(request)
    assert first.status is ReplyStatus.OK
    assert first == second
    assert 0 < first.usage.completion <= 12
    assert first.usage.prompt > 10
    await model.close()


async def test_what_does_not_fit_is_a_failure_with_its_reason(directory: Path) -> None:
    model = model_from(f"hf:{directory}")
    long = await model.reply(ask("word " * 200))
    assert (long.status, long.reason) == (ReplyStatus.FAILED, "too_long")
    seen = await model.reply(Request(Part.TARGET, (Turn("user", "?", (Image("image/png", b""),)),)))
    assert (seen.status, seen.reason) == (ReplyStatus.FAILED, "no_images")


def test_its_identity_is_that_of_its_bytes(directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in directory.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert model_from(f"hf:{copy}").identity == model_from(f"hf:{directory}").identity
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert model_from(f"hf:{copy}").identity != model_from(f"hf:{directory}").identity


def test_a_directory_without_a_model_or_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json is missing"):
        model_from(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ConfigError, match="safetensors"):
        model_from(f"hf:{tmp_path}")
