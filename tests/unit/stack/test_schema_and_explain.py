"""The JSON Schema, the labels the stack knows, and the explanation of a stack."""

import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tyrian.core.registry import BUILTINS, DetectorConfig, create_detector
from tyrian.errors import MissingDependencyError
from tyrian.policy.guard import ANY_LABEL
from tyrian.stack.effects import default_effects, family, known_labels
from tyrian.stack.explain import as_text, explain
from tyrian.stack.guards import MODES
from tyrian.stack.json_schema import stack_json_schema
from tyrian.stack.load import default_stack, default_text
from tyrian.stack.schema import GUARD_LISTS

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "stack.md"
CONTRACT = """\
agent:
  base_model: meta-llama/Llama-4-Scout-17B-16E
  preflight_guards:
    - {name: prompt_guard_2, mode: classify_user_input, block_classes: ["jailbreak"]}
    - {name: llama_guard_4, mode: classify_user_input, taxonomy: ./harm_taxonomy.json}
  postflight_guards:
    - {name: llama_guard_4, mode: classify_model_output, taxonomy: ./harm_taxonomy.json}
  policy_runtime: {framework: llamafirewall, config: ./firewall_policies.yaml}
  sandbox: {type: gvisor, egress_allowlist: ["api.example-corp.internal"]}
"""


def keys_of(schema: dict[str, object]) -> set[str]:
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    return {key for part in (schema, *definitions.values()) for key in part.get("properties", {})}


@pytest.mark.parametrize("text", [CONTRACT, default_text()], ids=["contract", "default"])
def test_good_stacks_are_valid_under_the_json_schema(text: str) -> None:
    schema = stack_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(YAML(typ="safe").load(text), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "text",
    ["agent: {preflight_gards: []}", "agent: {preflight_guards: [{name: x, threshold: 2}]}", "{}"],
)
def test_faulty_stacks_are_invalid_under_the_json_schema(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(YAML(typ="safe").load(text), stack_json_schema())


def test_every_key_of_the_schema_has_a_description() -> None:
    schema = stack_json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        for key, field in part["properties"].items():
            assert field.get("description"), key


def test_every_key_and_mode_stands_in_the_reference() -> None:
    told = set(re.findall(r"`([\w*-]+)`", REFERENCE.read_text()))
    assert keys_of(stack_json_schema()) | set(MODES) | set(GUARD_LISTS) <= told


def test_every_built_in_detector_stands_in_the_reference() -> None:
    told = set(re.findall(r"`([\w*-]+)`", REFERENCE.read_text()))
    assert set(BUILTINS) <= told


@pytest.mark.parametrize("kind", sorted(set(BUILTINS) - {"pattern"}))
def test_the_stack_knows_the_labels_that_detectors_give(kind: str) -> None:
    try:
        info = create_detector(kind, DetectorConfig(name=kind)).info
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert set(info.labels) - {ANY_LABEL} <= set(known_labels(kind))
    assert all(default_effects(kind, stage) for stage in GUARD_LISTS.values())


def test_names_of_one_family_are_one_guard() -> None:
    assert family("prompt_guard_1") == family("prompt_guard_2") == "prompt_guard"
    assert family("llama_guard_3") == family("llama_guard_4") == "content_guard"
    assert family("somebody_elses") == "somebody_elses"


def test_the_explanation_names_every_guard_with_its_effects() -> None:
    text = as_text(explain(default_stack()))
    for guard in default_stack().guards():
        assert guard.name in text
    for word in ("input:", "tool-result:", "document:", "tool-call:", "output:", "block: S4"):
        assert word in text
