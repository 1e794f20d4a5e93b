"""The plain form of rule files is read as YAML is, or not at all."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tyrian.detectors.code_shield import loader
from tyrian.detectors.code_shield.rule_plain import read_plain
from tyrian.detectors.code_shield.rule_yaml import without_examples

_FILES = sorted(Path(loader.__file__).parent.glob("rules/*/*.yaml"))
_WORDS = st.text(alphabet="ab01.-_: ,'\"#[]{}*&!|>%@`~\\\n", max_size=8)
_SCALARS = _WORDS | st.integers(-20, 20) | st.booleans() | st.sampled_from(["yes", "Off", "1e3"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "on", "is_", "b-c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_rules_that_come_with_tyrian_are_in_the_plain_form_and_say_what_yaml_says(
    path: Path,
) -> None:
    text = without_examples(path.read_text(encoding="utf-8"))
    assert read_plain(text) == yaml.safe_load(text)


@given(_VALUES, st.sampled_from([None, True, False]), st.sampled_from([20, 100]))
def test_whatever_is_read_is_what_yaml_reads(value: object, flow: bool | None, width: int) -> None:
    text = yaml.safe_dump({"key": value}, default_flow_style=flow, width=width)
    assert read_plain(text) in (None, {"key": value})


@given(st.text(alphabet="ab: -'[]{},\n#01", max_size=30))
def test_no_text_is_read_as_something_else(text: str) -> None:
    found = read_plain(text)
    if found is not None:
        assert found == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: &x 1",
        "a: *x",
        "a: |\n  b",
        "a: b\n  c",
        "a: yes",
        "a: 0x1f",
        "a: 1.5",
        "a: 2024-01-01",
        "a: b # c",
        'a: "\\n"',
        "a: [b",
        "a: [b]]",
        "a: {b}",
        "a:\tb",
        "a: 'b' c",
        "- a\nb: c",
        "a: ~",
        "a: b: c",
        "? a",
        "--- a",
        "a: ['\n\n    ']",
        'a: [b, "c\n  d"]',
    ],
)
def test_what_goes_beyond_the_plain_form_is_left_to_yaml(text: str) -> None:
    assert read_plain(text) is None
