"""Rules about what stands before and after a match, with the same names in it."""

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.loader import parse
from tyrian.errors import ConfigError

HEAD = """
language: c
rules:
  - id: own
    cwe: CWE-415
    severity: high
    profile: block
    message: twice
    good: []
    bad: []
"""
FREED = (
    HEAD
    + r"""
    code: '\bfree\s*\(\s*(?P<p>\w+)\s*\)\s*;'
    after: ['\bfree\s*\(\s*(?P<p>\w+)\s*\)']
    until: ['\}', '\b(?P<p>\w+)\s*=[^=]']
"""
)
MEASURED = (
    HEAD
    + r"""
    call: [memcpy]
    args: [{index: 2, is: dynamic, name: n}]
    not_before: ['\b(?P<n>[\w>.-]+)\s*[<>]']
"""
)
GROWN = (
    HEAD
    + r"""
    code: '(?P<p>[\w>.-]+)\s*=\s*realloc\s*\(\s*(?P<p2>[\w>.-]+)\s*,'
"""
)
KEPT = (
    HEAD
    + r"""
    code: '\bopen\s*\(\s*(?P<f>\w+)'
    before: ['\bstat\s*\(\s*(?P<f>\w+)']
    not_after: ['\bclose\s*\(']
"""
)
SAID = (
    HEAD
    + r"""
    code: '\bfree\s*\('
    unless_said: ['(?i)//[^\n]*\bowned\b']
"""
)
HEADED = (
    HEAD
    + r"""
    code: '\bfree\s*\('
    not_before: ['\bstatic\b']
"""
)
LOOPED = (
    HEAD
    + r"""
    code: '\bfor\s*\([^;():]*:\s*(?P<c>\w+)\s*\)'
    inside: ['\b(?P<c>\w+)\.push_back\s*\(']
    not_inside: ['\b(?:break|return)\b']
"""
)


def finds(rules: str, code: str) -> bool:
    return bool(Engine([parse(rules)], builtin=False).scan(code, "c").findings)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (FREED, "free(a); free(b); free(a);"),
        (FREED, "free( a ) ; b = 0; free(a);"),
        (MEASURED, "memcpy(d, s, n);"),
        (MEASURED, "if (m > 9) return; memcpy(d, s, n);"),
        (MEASURED, "void f(int n) { if (n > 9) return; }\nvoid g(int n) { memcpy(d, s, n); }"),
        (GROWN, "l->list  =  realloc( l->list , 3);"),
        (KEPT, "stat(name, &st); fd = open(name, 0);"),
        (SAID, "// owned\n\n\n\nfree(a);"),
        (SAID, 'puts("owned");\nfree(a);'),
        (HEADED, "static int n;\nvoid f(int a) { free(a); }"),
        (HEADED, "static void g(void) { } void f(int a) { free(a); }"),
        (LOOPED, "for (auto x : all) { if (x) all.push_back(x); }"),
        (LOOPED, "for (auto x : all)\n  all.push_back(x);"),
        (LOOPED, "for (auto x : all) { all.push_back(x)"),
    ],
)
def test_names_are_the_same_wherever_they_stand(rules: str, code: str) -> None:
    assert finds(rules, code)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (FREED, "free(a); free(b);"),
        (FREED, "free(a); a = next; free(a);"),
        (FREED, "if (x) { free(a); } free(a);"),
        (FREED, "void f(void) { free(a);\n}\nvoid g(void) { free(a); }"),
        (FREED, "free(a); // free(a);"),
        (MEASURED, "if (n > 9) return; memcpy(d, s, n);"),
        (MEASURED, "if (h->n > 9) return; memcpy(d, s, h -> n);"),
        (MEASURED, "memcpy(d, s, 9);"),
        (GROWN, "l->list = realloc(old, 3);"),
        (KEPT, "stat(other, &st); fd = open(name, 0);"),
        (KEPT, "stat(name, &st); fd = open(name, 0); close(fd);"),
        (SAID, "// Owned\n\n\nfree(a);"),
        (SAID, "free(a);\n// owned"),
        (HEADED, "static void f(int a) { free(a); }"),
        (LOOPED, "for (auto x : all) { x++; } all.push_back(x);"),
        (LOOPED, "for (auto x : all) x++; all.push_back(x);"),
        (LOOPED, "for (auto x : all) { all.push_back(x); break; }"),
        (LOOPED, "for (auto x : all) others.push_back(x);"),
    ],
)
def test_other_names_are_not_taken_for_them(rules: str, code: str) -> None:
    assert not finds(rules, code)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("code: 'x'\n    until: ['y']", "`until` ends the look"),
        ("code: 'x'\n    after: ['(']", "regular expression"),
        ("code: 'x'\n    room: {into: 0, text: 1, is: less}", "`room` belongs to a `call`"),
        ("call: [f]\n    room: {into: 0, is: less}", "`room` needs `into` and one of"),
        ("call: [f]\n    room: {into: 0, text: 1}", "`room` needs `is`"),
        ("call: [f]\n    room: {into: 0, text: a, is: less}", "must be the index of an argument"),
        ("call: [f]\n    room: {into: 0, text: 1, is: [none]}", "unknown word 'none'"),
    ],
)
def test_a_fault_in_such_a_rule_is_told_with_its_line(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"^own:\d+: ") as caught:
        parse(HEAD + "    " + line, "own")
    assert words in str(caught.value)
