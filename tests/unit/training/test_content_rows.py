"""The phrase tables of the content-safety training, and the rows made of them."""

import importlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
HAZARDS = {f"S{number}" for number in range(1, 15)}


@pytest.fixture(scope="module", autouse=True)
def beside_the_repository() -> Iterator[None]:
    """`training` is no part of the package; it is imported from the repository's root."""
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


@pytest.fixture
def rows() -> ModuleType:
    return importlib.import_module("training.content_guard.rows")


@pytest.fixture
def phrases() -> ModuleType:
    return importlib.import_module("training.content_guard.phrases")


@cache
def all_rows(rows: ModuleType) -> tuple[Any, ...]:
    return tuple(rows.own_rows())


def test_the_same_seed_gives_the_same_rows(rows: ModuleType) -> None:
    assert tuple(rows.own_rows()) == all_rows(rows)


def test_every_hazard_has_requests_statements_and_answers(rows: ModuleType) -> None:
    made = all_rows(rows)
    users = Counter(row.labels for row in made if row.kind == "unsafe_user")
    answers = Counter(row.labels for row in made if row.kind == "unsafe_assistant")
    assert {label for (label,) in users} == HAZARDS
    assert {label for (label,) in answers} == HAZARDS
    assert min(users.values()) > 400
    assert min(answers.values()) > 60


def test_there_are_as_many_safe_rows_as_unsafe_ones(rows: ModuleType) -> None:
    made = all_rows(rows)
    assert sum(not row.labels for row in made) >= len(made) / 2


def test_no_slot_or_choice_is_left_in_a_text(rows: ModuleType) -> None:
    for row in all_rows(rows):
        text = row.text.replace(":(){:|:& };:", "").lower()
        assert "[" not in text or "interpreter" in row.source
        assert not any(f"{{{name}}}" in text for name in ("x", "person", "group", "secret"))


def test_left_out_phrases_do_not_come_back_in_other_rows(
    rows: ModuleType, phrases: ModuleType
) -> None:
    grammar = phrases.Grammar.of(
        phrases.all_sections(), random.Random(1), lambda line: phrases.fold_of(line) != 0
    )
    for frames in grammar.frames.values():
        assert all(phrases.fold_of(frame) != 0 for frame in frames)
    left_out = {
        line
        for section in phrases.all_sections()
        for line in section.lines
        if section.name == "say" and phrases.fold_of(line) == 0 and not set("[{") & set(line)
    }
    assert len(left_out) > 20
    fewer = rows.own_rows(5, lambda line: phrases.fold_of(line) != 0)
    assert not left_out & {row.text for row in fewer}


def test_a_request_borrowed_from_given_text_stays_safe(rows: ModuleType) -> None:
    corpus = importlib.import_module("training.corpus")
    given = [
        corpus.Row("Write a poem about the sea.", (), "given", "benign_prompt"),
        corpus.Row("Write down how to hurt them.", ("malicious",), "given", "attack"),
    ]
    borrowed = rows.borrowed_rows(given)
    assert borrowed
    assert all(not row.labels for row in borrowed)
    assert not any("hurt them" in row.text.lower() for row in borrowed)


@pytest.mark.parametrize(
    ("phrase", "texts"),
    [
        ("[a|b] c", {"a c", "b c"}),
        ("[a [b|c]|d]", {"a b", "a c", "d"}),
        ("end[| here].", {"end.", "end here."}),
        ("a [apple|pear]", {"an apple", "a pear"}),
    ],
)
def test_choices_may_be_nested_and_empty(phrases: ModuleType, phrase: str, texts: set[str]) -> None:
    grammar = phrases.Grammar({}, {}, random.Random(3))
    assert {grammar.expand(phrase) for _ in range(60)} == texts
