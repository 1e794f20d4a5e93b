"""Every example of every rule file that comes with Tyrian is a test."""

import pytest

from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.loader import builtin_files
from tyrian.detectors.code_shield.rule import CodeRule, Profile

ENGINE = Engine()


def every_rule() -> list[tuple[str, CodeRule]]:
    return [
        (language, rule)
        for name in SYNTAXES
        for file in builtin_files(name)
        for rule in file.rules
        for language in rule.languages
    ]


def found(code: str, language: str) -> set[str]:
    return {f.rule.id for f in ENGINE.scan(code, language, Profile.AUDIT).findings}


@pytest.mark.parametrize(
    ("language", "rule"), every_rule(), ids=lambda v: v if isinstance(v, str) else v.id
)
def test_a_rule_finds_its_bad_examples_and_no_good_one(language: str, rule: CodeRule) -> None:
    assert rule.bad, "a rule needs a bad example"
    assert rule.good, "a rule needs a good example"
    missed = [text for text in rule.bad if rule.id not in found(text, language)]
    wrong = [text for text in rule.good if rule.id in found(text, language)]
    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize("language", SYNTAXES)
def test_the_ids_of_a_language_are_unique(language: str) -> None:
    ids = [rule.id for file in builtin_files(language) for rule in file.rules]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize("language", SYNTAXES)
def test_the_rules_that_run_are_those_of_the_files_but_for_their_examples(language: str) -> None:
    bare = [
        file._replace(rules=tuple(rule._replace(good=(), bad=()) for rule in file.rules))
        for file in builtin_files(language)
    ]
    assert list(builtin_files(language, with_examples=False)) == bare
    assert sum(len(file.rules) for file in bare) >= 8
