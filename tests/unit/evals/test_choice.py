"""Multiple choice: what counts as an answer, and that guessing earns nothing."""

import json
import random
from collections.abc import Callable

import pytest

from tyrian.evals.benchmarks.choice import (
    LETTERS,
    Choice,
    letters_of,
    right_places,
    score_choice,
    shuffled,
)
from tyrian.evals.statistics.corrections import above_chance
from tyrian.evals.statistics.intervals import estimate


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ('{"correct_answers": ["A", "C"]}', "AC"),
        ('Thinking... {"correct_answers": ["b"]} done', "B"),
        ('{"correct_answers": ["A", "A"]}', "A"),
        ('{"correct_answers": ["B. Ransomware"]}', "B"),
        ('{"correct_answers": "A, C"}', "AC"),
        ('a stray { brace and {"correct_answers": ["D"]}', "D"),
        ('{"correct_answers": ["A"]} no: {"correct_answers": ["B"]}', "B"),
    ],
)
def test_letters_are_read_as_they_are_meant(text: str, letters: str) -> None:
    assert letters_of(text, 4) == frozenset(letters)


@pytest.mark.parametrize(
    "text", ["A", "", "{}", '{"correct_answers": []}', '{"correct_answers": ["Z"]}', "{" * 1000]
)
def test_what_names_no_offered_letter_is_unreadable(text: str) -> None:
    assert letters_of(text, 4) is None
    choice = shuffled(["A. x", "B. y", "C. z", "D. w"], frozenset({0}), "s")
    score = score_choice(choice, {"status": "ok", "text": text, "reason": ""})
    assert score.missing == "unreadable"
    assert not score.values


def test_right_options_stay_right_when_they_move() -> None:
    options = ["A) alpha", "B) beta", "C) gamma"]
    places = right_places(options, ["A", "C"])
    assert places == frozenset({0, 2})
    choice = shuffled(options, places, "7")
    shown = {choice.options[LETTERS.index(letter)] for letter in choice.right}
    assert shown == {"alpha", "gamma"}
    assert right_places(options, ["F"]) is None


def always_first(_: Choice, __: random.Random) -> list[str]:
    return ["A"]


def all_options(choice: Choice, _: random.Random) -> list[str]:
    return list(LETTERS[: len(choice.options)])


def first_two(_: Choice, __: random.Random) -> list[str]:
    return ["A", "B"]


def guesses(choice: Choice, pick: random.Random) -> list[str]:
    offered = LETTERS[: len(choice.options)]
    return pick.sample(offered, pick.randint(1, len(offered)))


@pytest.mark.parametrize("answer", [always_first, first_two, all_options, guesses])
def test_a_blind_answer_scores_nothing_above_chance(
    answer: Callable[[Choice, random.Random], list[str]],
) -> None:
    pick = random.Random(11)
    gains: dict[str, list[float]] = {"exact": [], "overlap": []}
    for number in range(4000):
        offered = pick.randint(3, 8)
        right = frozenset(pick.sample(range(offered), pick.randint(1, offered)))
        choice = shuffled([f"{LETTERS[i]}. {i}" for i in range(offered)], right, str(number))
        text = json.dumps({"correct_answers": answer(choice, pick)})
        score = score_choice(choice, {"status": "ok", "text": text, "reason": ""})
        for name, found in gains.items():
            found.append(above_chance(score.values[name], score.values[f"{name}_floor"]))
    for found in gains.values():
        interval = estimate(found, is_rate=False)
        assert interval.low - 0.01 <= 0.0 <= interval.high + 0.01


def test_a_right_answer_scores_all_there_is() -> None:
    choice = shuffled(["A. x", "B. y", "C. z"], frozenset({1}), "s")
    text = json.dumps({"correct_answers": sorted(choice.right)})
    score = score_choice(choice, {"status": "ok", "text": text, "reason": ""})
    assert above_chance(score.values["overlap"], score.values["overlap_floor"]) == 1.0
