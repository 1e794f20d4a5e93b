"""A real training with Transformers, attested by the callback while it runs."""

from pathlib import Path

import pytest

from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of
from tyrian.supply.attest.keys import make_key, read_signer, read_verifier
from tyrian.supply.attest.trainer import Plan, attest, training_callback
from tyrian.supply.attest.training import read_record
from tyrian.supply.attest.verify import Expected, verify_training
from tyrian.supply.drift.compare import compare
from tyrian.supply.drift.look import look
from tyrian.supply.drift.tree import tree_of_lock
from tyrian.supply.lock.make import Approval, lock_directory

torch = pytest.importorskip("torch", reason="the extra tyrian[hf] is not installed")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate", reason="the Trainer needs accelerate")


@pytest.mark.filterwarnings("ignore")
def test_a_training_is_attested_at_each_checkpoint_and_at_its_end(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    base, data, out = tmp_path / "base", tmp_path / "train.jsonl", tmp_path / "out"
    model = transformers.BertForSequenceClassification(config)
    model.save_pretrained(base)
    locked = lock_directory(base, Approval("base", "Ada", "t"))
    data.write_text('{"text": "a"}\n')
    make_key(tmp_path / "key")
    plan = Plan(base, {"train": data}, code=Path(__file__).parent, key=tmp_path / "key")
    rows = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor(0)}] * 4
    arguments = transformers.TrainingArguments(
        output_dir=str(out),
        max_steps=2,
        save_steps=1,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        seed=7,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=rows, callbacks=[training_callback(plan)]
    )
    trainer.train()
    record = read_record(out / "training-record.json")
    assert record.seeds["seed"] == 7
    assert record.parameters["learning_rate"] == arguments.learning_rate
    verifier = read_verifier(tmp_path / "key.pub")
    given = {"base": digest_of(base), "datasets": {"train": digest_of(data)}}
    for step in (1, 2):
        at = out / f"checkpoint-{step}"
        envelope = dsse.decode(dsse.read_bytes(out / f"checkpoint-{step}.attestation.json"))
        checked = verify_training(envelope, [verifier], Expected(at, **given))  # type: ignore[arg-type]
        assert checked.mismatches == ()
    final = tmp_path / "final"
    trainer.save_model(str(final))
    envelope = dsse.decode(dsse.read_bytes(attest(record, final, read_signer(tmp_path / "key"))))
    assert verify_training(envelope, [verifier], Expected(final)).mismatches == ()
    weights = bytearray((final / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (final / "model.safetensors").write_bytes(weights)
    found = verify_training(envelope, [verifier], Expected(final)).mismatches
    assert {one.subject for one in found} == {"model", "model/model.safetensors"}
    # The directory that Transformers wrote is locked, and drift tells tensors by name.
    assert compare(tree_of_lock(locked), look(base, locked)) == []
    (base / "model.safetensors").write_bytes(weights)
    (change,) = compare(tree_of_lock(locked), look(base, locked))
    assert any(one.key.startswith("tensor bert.") for one in change.meanings)
