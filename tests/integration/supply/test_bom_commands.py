"""`tyrian bom` as people and pipelines call it, over a model as transformers writes it."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tyrian.cli.main import run

TYRIAN = Path(sys.executable).with_name("tyrian")
TIME = {"SOURCE_DATE_EPOCH": "1700000000"}
MODEL_CARD = """\
---
license: apache-2.0
base_model: base
datasets: [train]
pipeline_tag: text-generation
---
# Tuned

## Limitations

It is random.
"""
STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard_2, mode: classify_user_input, backend: embedded, threshold: 0.5}
    - {name: secrets, mode: classify_user_input}
models:
  chat: {base_url: 'http://127.0.0.1:8000/v1', revision: abc}
"""
SAVE = """\
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
for seed, name in enumerate(sys.argv[1:]):
    torch.manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(vocab_size=64, **sizes)).save_pretrained(name)
"""


@dataclass
class Done:
    """What a command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


class Place:
    """A directory with a base model, a tuned one, its dataset, a lock, an attestation, a stack."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *args: object, **variables: str) -> Done:
        """The command in this process, which is what `tyrian` runs."""
        texts = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            patch.delenv("SOURCE_DATE_EPOCH", raising=False)
            for name, value in {"TYRIAN_HOME": str(self.root / "home"), **variables}.items():
                patch.setenv(name, value)
            with redirect_stdout(texts[0]), redirect_stderr(texts[1]):
                code = run([str(one) for one in args])
        out, err = (text.buffer.getvalue().decode() for text in texts)
        return Done(code, out, err)

    def good(self, *args: object, **variables: str) -> str:
        done = self.run(*args, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / name).read_bytes())
        return found


WHOLE = (
    *("bom", "create", "tuned", "base", "--lock", "models.lock", "--stack", "stack.yaml"),
    *("--dataset", "train=train.jsonl", "--attestation", "tuned.attestation.json"),
    *("--key", "key.pub", "--name", "shop"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    pytest.importorskip("transformers", reason="the extra tyrian[hf] is not installed")
    made = Place(tmp_path_factory.mktemp("bom"))
    subprocess.run([sys.executable, "-c", SAVE, "base", "tuned"], cwd=made.root, check=True,
                   capture_output=True, timeout=300)  # fmt: skip
    (made.root / "tuned" / "README.md").write_text(MODEL_CARD)
    (made.root / "train.jsonl").write_text('{"text": "a"}\n')
    (made.root / "hyper.yaml").write_text("lr: 0.1\n")
    (made.root / "stack.yaml").write_text(STACK)
    broken = '{"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [{}, 1]}'
    (made.root / "broken.json").write_text(broken)
    made.good("model", "lock", "base", "--approver", "Ada", "-q", **TIME)
    made.good("attest", "key", "key")
    made.good(
        *("attest", "create", "tuned", "--key", "key", "--base", "base", "--seed", 7),
        *("--dataset", "train=train.jsonl", "--parameters", "hyper.yaml", "--code", "c" * 40),
    )
    made.good(*WHOLE, "-o", "whole.json", **TIME)
    return made


def test_the_whole_chain_is_in_one_valid_document(place: Place) -> None:
    document = place.read("whole.json")
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    found = {one["name"]: one for one in document["components"]}
    tuned = found["tuned"]
    assert tuned["modelCard"]["modelParameters"]["architectureFamily"] == "llama"
    assert tuned["pedigree"]["commits"] == [{"uid": "c" * 40}]
    digests = [row["content"] for row in found["base"]["hashes"]]
    assert digests[0] in json.dumps(tuned["pedigree"]["ancestors"])
    patch = tuned["pedigree"]["patches"][0]["diff"]["text"]["content"]
    assert "  model.safetensors" in patch
    assert "  config.json" not in patch
    (formula,) = document["formulation"]
    (flow,) = formula["workflows"]
    parameters = {r["name"]: r["value"] for i in flow["inputs"] for r in i.get("parameters", ())}
    assert parameters == {"lr": "0.1", "seed": "7"}
    assert {"name": "tyrian:signed-by", "value": "not checked"} not in flow["properties"]
    assert any(one["name"] == "torch" for one in formula["components"])
    assert {"name": "tyrian:approver", "value": "Ada"} in found["base"]["properties"]
    assert document["services"][0]["version"] == "abc"
    done = place.run("bom", "validate", "whole.json")
    assert (done.returncode, done.stdout) == (0, "whole.json: CycloneDX 1.7, valid\n")


def test_the_reference_validator_takes_what_is_written(place: Place) -> None:
    library = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    for spec, version in (("1.7", schema.SchemaVersion.V1_7), ("1.6", schema.SchemaVersion.V1_6)):
        text = place.good(
            *("bom", "create", "tuned", "--attestation", "tuned.attestation.json"),
            *("--stack", "stack.yaml", "--declared", "--spec", spec, "-q"),
        )
        document = json.loads(text)
        document["formulation"][0]["components"] = []  # it takes seconds for each hundred
        assert library.JsonStrictValidator(version).validate_str(json.dumps(document)) is None


def test_the_same_inputs_give_the_same_bytes(place: Place) -> None:
    command = [
        str(TYRIAN),
        *WHOLE,
        "-o",
        "again.json",
    ]  # in a process of its own, with another seed
    environment = {**os.environ, **TIME, "TYRIAN_HOME": str(place.root / "home")}
    subprocess.run(command, cwd=place.root, env=environment, check=True, timeout=300)
    first, second = (place.root / name for name in ("whole.json", "again.json"))
    assert first.read_bytes() == second.read_bytes()
    assert place.run("bom", "diff", "whole.json", "again.json").returncode == 0
    undated = json.loads(place.good("bom", "create", "base", "-q"))
    assert "timestamp" not in undated["metadata"]


def test_one_byte_of_a_model_is_told_by_the_comparison(place: Place) -> None:
    weights = place.root / "base" / "model.safetensors"
    data = weights.read_bytes()
    place.good("bom", "create", "base", "-o", "before.json", "-q")
    try:
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        place.good("bom", "create", "base", "--lock", "models.lock", "-o", "after.json", "-q")
    finally:
        weights.write_bytes(data)
    done = place.run("bom", "diff", "before.json", "after.json")
    assert done.returncode == 1
    assert "changed  file base / model.safetensors" in done.stdout
    assert "approval: now differs from the lock" in done.stdout
    told = json.loads(
        place.run("bom", "diff", "before.json", "after.json", "--format", "json").stdout
    )
    assert {one["name"] for one in told["changes"]} >= {"base", "base / model.safetensors"}


def test_an_attestation_by_another_key_is_not_believed(place: Place) -> None:
    place.good("attest", "key", "other")
    done = place.run(
        *("bom", "create", "tuned", "--attestation", "tuned.attestation.json"),
        *("--key", "other.pub"),
    )
    assert done.returncode == 3
    assert "another key" in done.stderr
    assert done.stdout == ""


def test_spdx_is_written_with_a_time_alone(place: Place) -> None:
    done = place.run("bom", "create", "tuned", "--format", "spdx")
    assert done.returncode == 2
    assert "--time now" in done.stderr
    place.good("bom", "create", "tuned", "--format", "spdx", "-o", "t.spdx.json", **TIME)
    assert place.read("t.spdx.json")["@graph"][0]["created"] == "2023-11-14T22:13:20Z"
    assert "SPDX 3.0.1, valid" in place.good("bom", "validate", "t.spdx.json")


def test_faults_are_told_with_their_places(place: Place) -> None:
    document = place.read("whole.json")
    document["components"][0]["purl"] = "nothing"
    (place.root / "bad.json").write_text(json.dumps(document))
    (place.root / "old.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.2"}')
    done = place.run("bom", "validate", "whole.json", "bad.json")
    assert done.returncode == 1
    assert "bad.json: /components/0/purl: 'nothing' is no package URL" in done.stdout
    done = place.run("bom", "validate", "bad.json", "old.json", "gone.json", "--format", "json")
    assert done.returncode == 3
    rows = json.loads(done.stdout)["documents"]
    assert [row["ok"] for row in rows] == [False, False, False]
    assert rows[0]["faults"][0]["rule"] == "purl"
    assert "1.2" in rows[1]["error"]


def test_a_document_of_others_is_written_in_the_one_form_without_loss(place: Place) -> None:
    full = Path(__file__).parents[2] / "unit" / "supply" / "bom_full.json"
    text = place.good("bom", "format", full)
    assert json.loads(text) == json.loads(full.read_bytes())
    (place.root / "formed.json").write_text(text)
    assert place.good("bom", "format", "formed.json") == text
    assert place.run("bom", "diff", full, "formed.json").returncode == 0


def test_a_page_is_written_beside_the_document(place: Place) -> None:
    assert place.good("bom", "page", "whole.json") == "whole.html\n"
    text = (place.root / "whole.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "prompt_guard_2" in text


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("create",), 2, "nothing to tell of"),
        (("create", "gone"), 2, "is no directory"),
        (("create", "base", "--spec", "1.3"), 2, "is not written"),
        (("create", "base", "--time", "soon"), 2, "is no time"),
        (("create", "--dataset", "gone.jsonl"), 2, "no dataset"),
        (("create", "--environment", "."), 2, "no Python environment"),
        (("create", "--stack", "gone.yaml"), 2, "no such file"),
        (("create", "--attestation", "train.jsonl"), 3, "no DSSE envelope"),
        (("diff", "whole.json", "train.jsonl"), 3, "no CycloneDX"),
        (("diff", "whole.json", "broken.json"), 3, "broken.json is not valid: /components"),
        (("page", "broken.json"), 2, "broken.json is not valid"),
        (("page", "train.jsonl"), 3, "no CycloneDX"),
        (("validate", "gone.json"), 3, "No such file"),
    ],
)
def test_bad_input_is_told_what_where_and_how_to_mend(
    place: Place, args: tuple[str, ...], code: int, told: str
) -> None:
    done = place.run("bom", *args)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
