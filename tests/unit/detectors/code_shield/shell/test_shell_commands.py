"""Rules of one's own with `call` for shell: the words of a command are its arguments."""

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.loader import parse
from tyrian.detectors.code_shield.rule import Profile

RULES = parse(
    """\
language: shell
theme: own
rules:
  - id: old-tool
    cwe: CWE-1104
    severity: high
    profile: block
    message: m
    call: oldtool
    args: [{index: 1, equals: 'b c'}]
    bad: ["oldtool a 'b c' d"]
    good: [oldtool a b c]
  - id: insecure-flag
    cwe: CWE-295
    severity: high
    profile: block
    message: m
    call: fetch
    args: [{index: any, equals: '-k'}]
    bad: ['fetch -k x']
    good: ['fetch x']
  - id: mode
    cwe: CWE-295
    severity: high
    profile: block
    message: m
    call: serve
    args: [{keyword: '--auth', equals: none}]
    bad: ['serve --auth=none']
    good: ['serve --auth=token']
  - id: dynamic
    cwe: CWE-78
    severity: high
    profile: block
    message: m
    call: runit
    args: [{index: 0, is: dynamic}]
    bad: ['runit "$x"']
    good: ['runit x']
"""
)
ENGINE = Engine([RULES], builtin=False)

FOUND = {
    "oldtool a 'b c' d": "old-tool",
    'oldtool a "b c"': "old-tool",
    'sudo /usr/bin/oldtool "x, y" "b c"': "old-tool",
    "cd x && oldtool a 'b c'; ls": "old-tool",
    "for f in *; do oldtool $f 'b c'; done": "old-tool",
    "fetch a b -k c": "insecure-flag",
    "x=1 fetch \\\n  -k y": "insecure-flag",
    "fetch -k x > out.txt 2>&1": "insecure-flag",
    "a=$(fetch -k x)": "insecure-flag",
    "if fetch -k x; then ls; fi": "insecure-flag",
    "$ fetch -k x": "insecure-flag",
    "serve --port=1 --auth=none": "mode",
    'runit "a$x"': "dynamic",
    "runit $(date)": "dynamic",
}
NOT_FOUND = (
    "oldtool a b c",
    "oldtool 'a b c'",
    "echo fetch -k x",
    "man fetch -k",
    "fetch x; other -k",
    "fetch x | other -k",
    "fetch x # -k",
    "prefetch -k x",
    "fetch-all -k x",
    "echo 'fetch -k x'",
    "serve --auth=token",
    "runit constant",
)


@pytest.mark.parametrize("code", FOUND)
def test_a_command_is_found_by_its_words(code: str) -> None:
    found = ENGINE.scan(code, "shell", Profile.AUDIT).findings
    assert [one.rule.id.rpartition(".")[2] for one in found] == [FOUND[code]]


@pytest.mark.parametrize("code", NOT_FOUND)
def test_other_commands_are_left_alone(code: str) -> None:
    assert not ENGINE.scan(code, "shell", Profile.AUDIT).findings
