"""The folded model gives what transformers gives, for every form of the architecture."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra hf")
transformers = pytest.importorskip("transformers", reason="needs the extra hf")

from tyrian.errors import ModelError  # noqa: E402
from tyrian.models.transformer.backend import padded  # noqa: E402
from tyrian.models.transformer.deberta import FoldedDeberta, is_foldable  # noqa: E402
from tyrian.models.transformer.directory import Directory  # noqa: E402
from tyrian.models.transformer.torch_model import TorchModel, read_tensors  # noqa: E402

FORMS: dict[str, dict[str, Any]] = {
    "as prompt guard": {},
    "own position projections": {"share_att_key": False},
    "no buckets": {"position_buckets": -1, "max_position_embeddings": 64},
    "positions and types": {"position_biased_input": True, "type_vocab_size": 2},
    "no norm of the positions": {"norm_rel_ebd": "none"},
    "one layer": {"num_hidden_layers": 1},
    "other activations": {"hidden_act": "gelu_new", "pooler_hidden_act": "tanh"},
}


@pytest.mark.parametrize("pack", [False, True], ids=["shared", "packed"])
@pytest.mark.parametrize("form", FORMS)
def test_folded_equals_unfolded(make_guard: Any, form: str, pack: bool) -> None:
    directory = Directory.open(make_guard(**FORMS[form]))
    assert is_foldable(directory.config)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(directory.path).eval()
    device = torch.device("cpu")
    folded = FoldedDeberta(directory.config, read_tensors(directory, device), 64, pack=pack)
    with torch.inference_mode():
        for count in (2, 3, 17, 64):
            ids = torch.randint(5, 100, (3, count))
            expected = plain(input_ids=ids).logits
            assert (folded.logits(ids, None) - expected).abs().max() < 1e-5


def test_padding_changes_nothing(guard_2: Path) -> None:
    directory = Directory.open(guard_2)
    folded = FoldedDeberta(directory.config, read_tensors(directory, torch.device("cpu")), 128)
    windows = [tuple(range(5, 5 + count)) for count in (2, 40, 90)]
    ids, mask = map(torch.from_numpy, padded(windows, 0))
    with torch.inference_mode():
        together = folded.logits(ids, mask)
        for row, window in enumerate(windows):
            alone = folded.logits(torch.tensor([window]), None)
            assert (together[row] - alone[0]).abs().max() < 1e-5


def test_windows_may_be_as_long_as_the_model_allows(guard_2: Path) -> None:
    directory = Directory.open(guard_2)
    model = TorchModel(directory, pad_id=0, max_tokens=10_000, device="cpu", threads=1)
    assert model.max_tokens == 512
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(guard_2).eval()
    ids = torch.randint(5, 100, (1, 512))
    with torch.inference_mode():
        expected = plain(input_ids=ids).logits.softmax(-1).numpy()
    found = model.probabilities([tuple(ids[0].tolist())])
    assert abs(found - expected).max() < 1e-5


def test_weights_are_mapped_not_copied(guard_2: Path) -> None:
    tensors = read_tensors(Directory.open(guard_2), torch.device("cpu"))
    file = str(guard_2 / "model.safetensors")
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        pytest.skip("this platform does not show its memory maps")
    assert file in maps.read_text()
    assert tensors


def test_another_architecture_runs_through_transformers(tmp_path: Path, guard_2: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    plain = transformers.BertForSequenceClassification(config).eval()
    plain.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((guard_2 / "tokenizer.json").read_bytes())
    model = TorchModel(Directory.open(tmp_path), pad_id=0, device="cpu", threads=1)
    with torch.inference_mode():
        expected = plain(input_ids=torch.tensor([[1, 7, 8, 2]])).logits.softmax(-1).numpy()
    assert abs(model.probabilities([(1, 7, 8, 2)]) - expected).max() < 1e-5


def test_weights_without_a_head_are_refused(tmp_path: Path, guard_2: Path) -> None:
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((guard_2 / name).read_bytes())
    tensors = load_file(guard_2 / "model.safetensors")
    del tensors["classifier.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"lack 'classifier\.weight'"):
        TorchModel(Directory.open(tmp_path), pad_id=0, device="cpu", threads=1)


def test_damaged_weights_are_refused(tmp_path: Path, guard_2: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((guard_2 / name).read_bytes())
    whole = (guard_2 / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged"):
        TorchModel(Directory.open(tmp_path), pad_id=0, device="cpu", threads=1)


def test_pickled_weights_are_never_read(tmp_path: Path, guard_2: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((guard_2 / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        TorchModel(Directory.open(tmp_path), pad_id=0, device="cpu", threads=1)


def test_an_unknown_device_is_refused(guard_2: Path) -> None:
    with pytest.raises(ModelError, match="no device 'gpu9'"):
        TorchModel(Directory.open(guard_2), pad_id=0, device="gpu9", threads=1)
