"""The phrase tables of the content-safety training, and the rows made of them."""

import importlib
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import pytest

HAZARDS = {f"S{number}" for number in range(1, 15)}


@pytest.fixture
def rows(training: Callable[[str], ModuleType]) -> ModuleType:
    return training("content_guard.rows")


@pytest.fixture
def phrases(training: Callable[[str], ModuleType]) -> ModuleType:
    return training("content_guard.phrases")


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


def test_a_harmless_word_said_over_and_over_stays_safe(rows: ModuleType) -> None:
    corpus = importlib.import_module("training.corpus")
    given = [
        corpus.Row("lullaby", (), "given", "benign_prompt"),
        corpus.Row("dagger", ("malicious",), "given", "attack"),
    ]
    repeated = rows.repeated_rows(given)
    assert any(row.text.count("lullaby") >= 60 for row in repeated)
    assert not any(row.labels or "dagger" in row.text for row in repeated)
    assert rows.repeated_rows([]) == []


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


def test_twenty_languages_have_harm_and_harmless_twins(rows: ModuleType) -> None:
    foreign = [row for row in all_rows(rows) if row.family.startswith("own_languages_")]
    safe = {row.family for row in foreign if not row.labels}
    unsafe = {row.family for row in foreign if row.labels}
    assert safe == unsafe
    assert len(safe) >= 20


def test_longer_texts_are_as_long_with_harm_as_without(rows: ModuleType) -> None:
    made = [row for row in all_rows(rows) if row.family == "own_passages"]
    lengths = {
        is_unsafe: sorted(len(row.text) for row in made if bool(row.labels) is is_unsafe)
        for is_unsafe in (True, False)
    }
    middles = {key: values[len(values) // 2] for key, values in lengths.items()}
    assert 0.6 < middles[True] / middles[False] < 1.7
    assert max(lengths[True]) > 600


def test_no_stretch_of_a_longer_unsafe_text_is_without_harm(
    rows: ModuleType, phrases: ModuleType
) -> None:
    passages = importlib.import_module("training.content_guard.passages")
    sections = [
        phrases.Section("a", "safe", "story", tuple(f"Calm {n}." for n in range(30))),
        phrases.Section("a", "S1", "story", tuple(f"Harm {n}." for n in range(5))),
    ]
    grammar = phrases.Grammar({}, {}, random.Random(4))
    for label, _, text in passages.passages(sections, grammar, rows.every):
        kinds = [word for word in text.split() if word in ("Calm", "Harm")]
        assert ("Harm" in kinds) is (label == "S1")
        assert label == "safe" or "Calm Calm Calm Calm Calm Calm Calm" not in " ".join(kinds)


def test_a_carrier_is_unsafe_only_by_what_is_put_in(rows: ModuleType) -> None:
    corpus = importlib.import_module("training.corpus")
    calm = "The train leaves at nine. It stops in every village. The sea is near."
    made = rows.carried_rows([corpus.Row(calm, (), "given", "benign_prompt")])
    assert {bool(row.labels) for row in made} == {True, False}
    assert all("The train leaves at nine." in row.text for row in made)


def test_what_is_held_out_is_in_no_row(rows: ModuleType) -> None:
    mix = importlib.import_module("training.content_guard.mix")
    held = mix.held_texts()
    assert {text.hazard for text in held} == {*HAZARDS, ""}
    assert not {text.text for text in held} & {row.text for row in all_rows(rows)}


def test_the_mix_trusts_the_stage_that_tells_harm_apart(rows: ModuleType) -> None:
    mix = importlib.import_module("training.content_guard.mix")
    numpy = importlib.import_module("numpy")
    dice = numpy.random.default_rng(1)
    noise = [mix.Read(dice.normal(0, 1, 80), dice.normal(at, 1, 80)) for at in (3, -3)]
    first, read = mix.weights_of(*noise)
    assert read > 4 * first > 0
