"""The parts of a bill of materials, from real directories, packages, datasets and stacks."""

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.errors import ConfigError, InputError
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.guard_weights import weights_of
from tyrian.stack.load import parse_stack
from tyrian.supply.aibom.architecture import read_architecture
from tyrian.supply.aibom.card import read_card
from tyrian.supply.aibom.cyclonedx import as_cyclonedx
from tyrian.supply.aibom.data import data_of
from tyrian.supply.aibom.document import encode
from tyrian.supply.aibom.guards import configuration_files, declared, guards_of
from tyrian.supply.aibom.licence import choice_of, expression_fault, expression_of
from tyrian.supply.aibom.markers import holds, surroundings_here
from tyrian.supply.aibom.models import model_of_directory, model_of_lock
from tyrian.supply.aibom.packages import packages_of, record_digest
from tyrian.supply.aibom.parts import Inventory, TrainingPart
from tyrian.supply.aibom.purl import PurlError, parse_purl, pypi, without_version
from tyrian.supply.aibom.services import services_of
from tyrian.supply.aibom.validate import faults_of
from tyrian.supply.data.manifest import Entry, ManifestFile, Writer
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.lock.make import Approval, lock_directory

CARD = """\
---
license: other
license_name: llama3.1
license_link: https://example.org/licence
base_model: owner/base
datasets: [owner/rows, train]
language: en
pipeline_tag: text-classification
model-index:
- name: m
  results:
  - dataset: {name: MMLU, split: test}
    metrics: [{type: accuracy, value: 0.42}, {type: f1, value: 0.5}]
---
# Title

## Intended uses

Trying things out.

```
# no heading
## Limitations
```

## Limitations

Short texts only.

## Bias and risks

[More Information Needed]
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model's directory with card, configuration and weights."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "README.md").write_text(CARD)
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16}
    (made / "config.json").write_text(json.dumps(config))
    (made / "model.safetensors").write_bytes(bytes(range(256)))
    return made


def locked(directory: Path, **changes: str) -> LockedModel:
    told: dict[str, Any] = {"name": "owner/model", "repository": "owner/model", "commit": COMMIT}
    approval = Approval(approver="Ada", at="2026-01-01T00:00:00Z", **{**told, **changes})
    return lock_directory(directory, approval)


def test_a_directory_tells_files_card_and_architecture(directory: Path) -> None:
    model = model_of_directory(directory)
    assert [file.path for file in model.files] == ["README.md", "config.json", "model.safetensors"]
    weights = hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()
    assert model.files[2].sha256 == weights
    assert model.digest == locked(directory).digest
    assert (model.architecture.family, model.architecture.name) == ("llama", "LlamaForCausalLM")
    assert model.architecture.facts["hidden_size"] == "16"
    assert (model.licence, model.card.licence_url) == ("llama3.1", "https://example.org/licence")
    assert [one.name for one in model.ancestors] == ["owner/base"]


def test_a_lock_gives_its_approval_to_what_it_approved_alone(directory: Path) -> None:
    lock = locked(directory)
    same = model_of_directory(directory, locked=lock)
    assert (same.repository, same.commit) == ("owner/model", COMMIT)
    assert same.notes["approver"] == "Ada"
    assert same.digest == model_of_lock(lock).digest
    (directory / "config.json").write_text("{}")
    other = model_of_directory(directory, locked=lock)
    assert other.repository == other.commit == ""
    assert "differs" in other.notes["approval"]


def test_code_of_other_repositories_is_told_and_is_no_ancestor(directory: Path) -> None:
    auto_map = {"AutoModel": "someone/code--modeling.Model"}
    (directory / "config.json").write_text(json.dumps({"auto_map": auto_map}))
    told: dict[str, Any] = {"name": "m", "approver": "Ada", "at": "2026-01-01T00:00:00Z"}
    lock = lock_directory(directory, Approval(**told, pins={"someone/code": COMMIT}))
    model = model_of_directory(directory, locked=lock)
    assert [one.name for one in model.ancestors] == ["owner/base"]
    assert f"someone/code@{COMMIT}" in model.notes.values()


def test_two_trainings_of_one_model_stay_two(directory: Path) -> None:
    model = model_of_directory(directory)
    trainings = tuple(
        TrainingPart(model=model.ref, name=f"{n}.json", digest=f"sha256:{n * 64}") for n in "12"
    )
    document = as_cyclonedx(Inventory(name="x", models=(model,), trainings=trainings))
    assert faults_of(document) == ()
    assert len(document["formulation"]) == 2


def test_a_directory_that_cannot_be_read_whole_is_refused(directory: Path) -> None:
    (directory / "away").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="away"):
        model_of_directory(directory)


def test_models_of_one_name_stay_two(tmp_path: Path) -> None:
    models = []
    for folder, weights in (("a", b"1"), ("b", b"2")):
        made = tmp_path / folder / "model"
        made.mkdir(parents=True)
        (made / "model.safetensors").write_bytes(weights)
        models.append(model_of_directory(made))
    document = as_cyclonedx(Inventory(name="two", models=tuple(models)))
    assert faults_of(document) == ()
    assert len({one["bom-ref"] for one in document["components"]}) == 2


@pytest.mark.parametrize("spec", ["1.7", "1.6"])
def test_the_same_parts_give_the_same_bytes_and_a_valid_document(
    directory: Path, tmp_path: Path, spec: str
) -> None:
    def made() -> bytes:
        model = model_of_directory(directory, locked=locked(directory))
        data = data_of(directory / "config.json", "train")
        parts = Inventory(name="shop", models=(model,), data=(data,))
        document = as_cyclonedx(parts, spec)
        assert faults_of(document) == ()
        return encode(document)

    first = made()
    assert made() == first
    document = json.loads(first)
    assert "timestamp" not in document["metadata"]
    (component,) = [c for c in document["components"] if c["type"] == "machine-learning-model"]
    assert component["purl"] == f"pkg:huggingface/owner/model@{COMMIT}"
    assert component["version"] == COMMIT
    card = component["modelCard"]
    assert card["considerations"]["useCases"] == ["Trying things out."]
    assert card["considerations"]["technicalLimitations"] == ["Short texts only."]
    assert [row["slice"] for row in card["quantitativeAnalysis"]["performanceMetrics"]] == [
        "MMLU (test)",
        "MMLU (test)",
    ]
    assert card["modelParameters"]["datasets"][1]["ref"].startswith("data:train@")
    assert component["pedigree"]["ancestors"][0]["purl"] == "pkg:huggingface/owner/base"


@pytest.mark.parametrize(
    "text", ["", "---\nlicense: [\n---\n", "---\na: &a [*a]\n---\n", "no front matter", "---\n"]
)
def test_odd_cards_tell_nothing_and_break_nothing(text: str) -> None:
    assert read_card(text).licence == ""


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"architectures": 7, "model_type": []}'])
def test_odd_configurations_tell_nothing_and_break_nothing(data: bytes) -> None:
    found = read_architecture(data)
    assert (found.family, found.name) == ("", "")


def test_packages_are_those_of_the_environment_with_their_digests(tmp_path: Path) -> None:
    place = tmp_path / "env"
    venv.create(place, with_pip=False, symlinks=True)
    site = next(place.glob("lib/python3*/site-packages"))
    for name, needs in (("Alpha_One", ["beta; python_version >= '3'", "gone"]), ("beta", [])):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        lines = [f"Requires-Dist: {need}\n" for need in needs]
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nLicense: MIT\n{''.join(lines)}"
        (info / "METADATA").write_text(text)
        digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        (info / "RECORD").write_text(f"{name}.py,sha256={digest},0\n{info.name}/RECORD,,\n")
    alpha, beta = packages_of(place)
    assert alpha.purl == "pkg:pypi/alpha-one@1.0"
    assert alpha.needs == ("beta",)
    empty = hashlib.sha256(b"").hexdigest()
    line = f"{empty}  beta.py\n".encode()
    assert beta.digest == f"sha256:{hashlib.sha256(line).hexdigest()}"
    document = as_cyclonedx(Inventory(name="env", packages=(alpha, beta)))
    assert faults_of(document) == ()
    needs_of = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert needs_of["system:env"] == ["pkg:pypi/alpha-one@1.0"]
    assert needs_of["pkg:pypi/alpha-one@1.0"] == ["pkg:pypi/beta@1.0"]


def test_the_running_environment_is_told_as_its_own_index_has_it() -> None:
    found = {one.name: one for one in packages_of()}
    code = "import importlib.metadata as m; print(m.version('msgspec'))"
    version = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found["msgspec"].version == version
    assert found["msgspec"].digest.startswith("sha256:")
    assert "msgspec" in found["tyrian"].needs


def test_a_directory_without_packages_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Python environment"):
        packages_of(tmp_path)


def test_a_record_that_changes_in_one_file_has_another_digest() -> None:
    one = "a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
    assert record_digest(one) != record_digest(one.replace("47D", "57D"))
    assert record_digest(one + "x.dist-info/INSTALLER,sha256=zuuue4knoyJ-UwPPXg8fez,4\n") == (
        record_digest(one)
    )
    assert record_digest("a.pyc,,\n") == ""


@pytest.mark.parametrize(
    ("marker", "is_true"),
    [
        ("", True),
        ("extra == 'dev'", False),
        ("python_version >= '3.9'", True),
        ("python_version < '3.11' and os_name == 'posix'", False),
        ("(sys_platform == 'win32' or python_version > '3.10')", True),
        ("python_version == '3.12.0'", True),
        ("platform_system in 'Linux Darwin'", surroundings_here()["platform_system"] != "Windows"),
        ("python_version not in '3.12'", False),
        ("__import__('os').system('x')", True),
    ],
)
def test_markers_of_requirements(marker: str, is_true: bool) -> None:
    assert holds(marker, surroundings_here("3.12.0")) is is_true


def test_a_manifest_tells_rows_root_sources_and_licences(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "train.json")
    for row, source in ((1, "web"), (2, "web"), (3, "books")):
        writer.add(Entry("train.jsonl", row, "0" * 64, source, "mit" if row < 3 else ""))
    head = writer.finish([ManifestFile("train.jsonl", "jsonl", 10, "1" * 64, 3)])
    data = data_of(tmp_path / "train.json")
    assert (data.name, data.rows, data.sources) == ("train", 3, ("books", "web"))
    assert data.notes["merkle-root"] == head.root
    document = as_cyclonedx(Inventory(name="x", data=(data,)))
    assert faults_of(document) == ()
    (component,) = document["components"]
    assert component["licenses"] == [{"license": {"id": "MIT", "acknowledgement": "declared"}}]
    assert component["components"][0]["hashes"][0]["content"] == "1" * 64


STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard_2, mode: classify_user_input, backend: embedded, threshold: %s}
    - {name: secrets, mode: classify_user_input}
  postflight_guards:
    - {name: pii, mode: classify_model_output}
models:
  chat:
    base_url: http://user@127.0.0.1:8000/v1
    revision: abc
    licence: apache-2.0
"""


def test_each_guard_is_a_component_that_is_pinned(tmp_path: Path) -> None:
    text = (STACK % "0.7").replace("user@", "")
    stack = parse_stack(text, base=tmp_path, file="s.yaml")
    guards, models = guards_of(Firewall.from_stack(stack).infos(), stack, weights_of)
    services = tuple(services_of(stack))
    parts = Inventory(name="s", guards=guards, models=models, services=services)
    document = as_cyclonedx(parts)
    assert faults_of(document) == ()
    found = {one["bom-ref"]: one for one in document["components"]}
    prompt = found["guard:input/prompt_guard_2"]
    assert prompt["type"] == "machine-learning-model"
    assert prompt["version"]
    assert prompt["hashes"]
    assert found["guard:input/secrets"]["hashes"]
    assert found["guard:output/pii"]["version"]
    assert document["services"][0]["endpoints"] == ["http://127.0.0.1:8000/v1"]
    encoder = next(one for one in models if one.name == "tyrian/encoder")
    data = Path(sys.modules["tyrian"].__file__ or "").parent / "models/data/encoder.npz"
    assert encoder.files[0].sha256 == hashlib.sha256(data.read_bytes()).hexdigest()
    assert encoder.ancestors[0].name == "all-MiniLM-L6-v2"


def test_a_changed_threshold_changes_the_guard_and_nothing_else(tmp_path: Path) -> None:
    def settings(threshold: str) -> list[str]:
        text = (STACK % threshold).replace("user@", "")
        stack = parse_stack(text, base=tmp_path, file="s.yaml")
        guards, _ = guards_of(declared(stack), stack)
        return [one.notes["configuration"] for one in guards]

    before, after = settings("0.7"), settings("0.71")
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True]


def test_a_guard_says_why_another_model_runs() -> None:
    info = DetectorInfo("g", "prompt_guard_2", (), "embedded", "x", "r", fallback="not here")
    guards, _ = guards_of([(Stage.INPUT, info)])
    assert guards[0].notes["fallback"] == "not here"


def test_files_that_a_stack_names_are_told_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    text = (
        "agent:\n  preflight_guards:\n    - name: pattern\n      mode: classify_user_input\n"
        "      patterns: [{id: w, words_file: words.txt}]\n"
    )
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    stack = parse_stack(text, base=tmp_path, file=str(path))
    found = {one.path: one.sha256 for one in configuration_files(stack, path)}
    assert found["stack/stack.yaml"] == hashlib.sha256(text.encode()).hexdigest()
    assert found["words/words.txt"] == hashlib.sha256(b"one\ntwo\n").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "pkg:pypi/numpy@2.0.0",
        "pkg:npm/%40scope/name@1.0?arch=x64#sub/path",
        f"pkg:huggingface/Org/Name@{COMMIT}",
        "pkg:maven/org.example/lib@1?classifier=a&type=zip",
        "pkg:golang/google.golang.org/genproto#googleapis/api",
    ],
)
def test_package_urls_that_are_some(text: str) -> None:
    assert parse_purl(text).name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "numpy",
        "pkg:",
        "pkg:pypi",
        "pkg:pypi/",
        "pkg:pypi/NumPy@1",
        "pkg:pypi/some_name@1",
        "pkg:pypi/org/name@1",
        "pkg:npm/a//b",
        "pkg:1type/name",
        "pkg:pypi/a b@1",
        "pkg:pypi/a%zz@1",
        "pkg:pypi/a@",
        "pkg:npm/a?x",
        "pkg:npm/a?x=1&x=2",
        "pkg:npm/a#../b",
        "pkg:huggingface/o/n@main",
    ],
)
def test_package_urls_that_are_none(text: str) -> None:
    with pytest.raises(PurlError):
        parse_purl(text)


def test_package_urls_are_written_as_they_are_read() -> None:
    made = pypi("Typing_Extensions", "4.0+local 1")
    assert made == "pkg:pypi/typing-extensions@4.0%2Blocal%201"
    assert parse_purl(made).version == "4.0+local 1"
    assert without_version(made) == "pkg:pypi/typing-extensions"
    assert without_version("pkg:npm/%40a/b@1?x=y") == "pkg:npm/%40a/b?x=y"


@pytest.mark.parametrize("name", ["zope.interface", "Foo_Bar", "a-b", "A.b_C"])
def test_names_of_the_index_are_spelt_as_the_reference_spells_them(name: str) -> None:
    packageurl = pytest.importorskip("packageurl")
    assert pypi(name, "1.0") == packageurl.PackageURL("pypi", None, name, "1.0").to_string()
    assert parse_purl(pypi(name, "1.0")).version == "1.0"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0", None),
        ("GPL-2.0+", None),
        ("llama3.1", "LicenseRef-llama3.1"),
        ("", ""),
        ("other", ""),
    ],
)
def test_licences_become_expressions(text: str, expression: str | None) -> None:
    assert expression_of(text) == (text if expression is None else expression)


@pytest.mark.parametrize("text", ["MIT MIT", "AND MIT", "MIT)", "(MIT", "Foo", "MIT WITH MITT"])
def test_expressions_that_are_none(text: str) -> None:
    assert expression_fault(text)


def test_a_licence_of_its_own_is_told_by_its_name() -> None:
    assert choice_of("llama3.1")[0]["license"]["name"] == "llama3.1"
    assert choice_of("unknown") == []
