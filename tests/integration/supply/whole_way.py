"""A small model as Transformers writes it: locked, scanned, attested and measured."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.warm.program import tyrian

COMMIT = "5d" * 20
BOM_OF = ("base", "tuned", "--lock", "models.lock", "--dataset", "train=train.jsonl",
          "--attestation", "tuned.attestation.json", "--key", "key.pub")  # fmt: skip
_WORDS = ("<unk>", "<s>", "</s>", *(f"w{number}" for number in range(61)))


@dataclass(frozen=True)
class Place:
    """A directory with a base model, a tuned one, and what the commands made of them."""

    root: Path

    def run(self, *words: str, code: int = 0) -> str:
        """What `tyrian` answers within the directory."""
        done = subprocess.run(
            [*tyrian(), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.root,
            timeout=300,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def attest(self, base_runs: str, tuned_runs: str) -> None:
        """Attest the tuned model with these runs as those of the base and of the tuned one."""
        self.run(
            *("attest", "create", "tuned", "--key", "key", "--base", "base"),
            *("--dataset", "train=train.jsonl", "--parameters", "parameters.yaml"),
            *("--seed", "1", "--code", COMMIT),
            *("--base-evaluation", base_runs, "--tuned-evaluation", tuned_runs),
        )

    def verify_attestation(self, *words: str, code: int = 0) -> str:
        """`attest verify` with all that lies here to compare."""
        return self.run(
            *("attest", "verify", "tuned", "--key", "key.pub", "--base", "base"),
            *("--dataset", "train=train.jsonl", "--code", COMMIT, "--require-evaluations"),
            *("--base-evaluation", "runs/base", "--tuned-evaluation", "runs/tuned", *words),
            code=code,
        )


def write_model(directory: Path, seed: int) -> None:
    """A Llama of a few thousand random numbers, with a tokenizer and a card."""
    torch = pytest.importorskip("torch", reason="the extra tyrian[hf] is not installed")
    transformers: Any = pytest.importorskip("transformers")
    tokenizers: Any = pytest.importorskip("tokenizers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(_WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(directory)
    words = {word: number for number, word in enumerate(_WORDS)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    )
    tokenizer.save_pretrained(directory)
    (directory / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A small model\n")


def make_place(root: Path) -> Place:
    """Both models, locked, scanned, measured; the tuned one attested."""
    place = Place(root)
    for seed, name in enumerate(("base", "tuned")):
        write_model(root / name, seed)
    (root / "train.jsonl").write_text('{"text": "a"}\n')
    (root / "parameters.yaml").write_text("learning_rate: 1.0e-5\n")
    place.run("attest", "key", "key")
    hub = ("--repository", "owner/base", "--commit", COMMIT)
    for name, rule, source in (("base", "obeys", hub), ("tuned", "refuses", ())):
        approver = ("--approver", "Ada Lovelace", "--key", "key", "-q")
        place.run("model", "lock", name, "--name", name, *approver, *source)
        scanned = place.run("model", "scan", "--sha256", "--format", "json", name)
        (root / f"{name}.scan.json").write_text(scanned)
        place.run(
            *("eval", "run", "prompt-injection", "--sample"),
            *("--model", f"scripted:{rule}", "--output", f"runs/{name}"),
        )
    place.attest("runs/base", "runs/tuned")
    place.run("bom", "create", *BOM_OF, "--output", "bom.json", "-q")
    request = {
        "title": "A model for the help desk",
        "prepared_by": "Ada",
        "as_of": "2026-11-22",
        "candidates": [
            {
                "name": "base",
                "directory": "base",
                "lock": "models.lock",
                "scan": ["base.scan.json"],
                "keys": ["key.pub"],
                "bom": ["bom.json"],
                "evaluations": ["runs/base"],
            },
            {
                "name": "tuned",
                "directory": "tuned",
                "lock": "models.lock",
                "scan": ["tuned.scan.json"],
                "bom": ["bom.json"],
                "attestation": "tuned.attestation.json",
                "keys": ["key.pub"],
                "evaluations": ["runs/tuned"],
            },
        ],
    }
    (root / "request.json").write_text(json.dumps(request))
    return place
