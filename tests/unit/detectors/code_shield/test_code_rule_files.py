"""Rule files: what is wrong in one is told with file and line, and nothing is dropped."""

from pathlib import Path

import pytest

from tyrian.core.detection import View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule_file import load_file
from tyrian.errors import ConfigError

GOOD = """\
language: python
theme: own
rules:
  - id: forbidden
    cwe: CWE-242
    severity: high
    profile: block
    message: our house does not use this
    call: [forbidden]
    good: ['allowed(x)']
    bad: ['forbidden(x)']
"""


def test_a_file_of_the_user_is_run(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD)
    config = DetectorConfig("code_shield", options={"rules": [str(path)]})
    detector = create_detector("code_shield", config)
    detection = detector.detect(View.of(Message.assistant("```python\nforbidden(x)\n```")))
    assert [f.rule for f in detection.findings] == ["code.python.forbidden"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("language: python", "language: cobol", 1, "unknown language"),
        ("theme: own", "them: own", 2, "unknown key"),
        ("    cwe: CWE-242\n", "", 4, "no `cwe`"),
        ("CWE-242", "242x", 5, "must be like CWE-78"),
        ("severity: high", "severity: grave", 6, "unknown word"),
        ("profile: block", "profile: blok", 7, "unknown word"),
        ("call: [forbidden]", "cal: [forbidden]", 9, "unknown key"),
        ("call: [forbidden]", "call: ['os.*']", 9, "fits every name"),
        ("call: [forbidden]", "code: '(?=x)y'", 9, "cannot be used"),
        ("call: [forbidden]", r"code: '(a)\1'", 9, "cannot be used"),
        ("call: [forbidden]", "code: 'a{5000}'", 9, "cannot be used"),
        ("call: [forbidden]", "code: x\n    text: y", 4, "exactly one"),
        ("call: [forbidden]", "call: [a]\n    args: [{is: built}]", 10, "needs `index`"),
        ("call: [forbidden]", "call: [a]\n    args: [{index: x}]", 10, "must be a number"),
        ("call: [forbidden]", "call: [a]\n    args: [{index: 0, is: odd}]", 10, "unknown word"),
        ("good: ['allowed(x)']", "good: 3", 10, "list of texts"),
        ("rules:\n", "rules: [\n", 4, ""),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace(old, new, 1), "own.yaml")
    assert caught.value.message.startswith(f"own.yaml:{line}: "), caught.value.message
    assert words in caught.value.message


def test_two_rules_of_one_id_are_refused() -> None:
    twice = GOOD + GOOD[GOOD.index("  - id") :]
    with pytest.raises(ConfigError, match="two rules have the id"):
        parse(twice)


@pytest.mark.parametrize(
    "text", ["", "[]", "rules: []", "language: python\nrules: {}", "\x00", "a: &x [*x]"]
)
def test_what_is_no_rule_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_a_file_that_is_absent_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_file(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        load_file(tmp_path / "b.yaml")
