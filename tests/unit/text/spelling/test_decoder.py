"""Words that a hastily typed text was meant to have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.spelling.decoder import Word, decoded


def meant(text: str, found: dict[str, str] | None = None) -> str:
    """The words of a text without signs, as they are meant."""
    words = [Word(word, is_fixed=False, is_joined=True) for word in text.split()]
    words[-1] = words[-1]._replace(is_joined=False)
    right = [word.text for word in words]
    for one in reversed(decoded(words, found or {})):
        right[one.start : one.end] = one.words
    return " ".join(right)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("the conversation sof ar", "the conversation so far"),
        ("please wrtie it down", "please write it down"),
        ("look at thekitchen window", "look at the kitchen window"),
        ("it is in the buildingwhihc you know", "it is in the building which you know"),
        ("the capital o fFrance".lower(), "the capital of france"),
    ],
)
def test_slips_and_blanks_are_put_right(typed: str, right: str) -> None:
    assert meant(typed) == right


def test_the_words_around_decide_between_two_readings() -> None:
    assert meant("the ned of the list") == "the end of the list"
    assert meant("what do you ned") == "what do you need"
    assert meant("she has ot go") == "she has to go"
    assert meant("it is ot of stock") == "it is out of stock"


def test_a_known_word_gives_way_to_one_that_fits() -> None:
    assert meant("you will ben able to") == "you will be able to"


def test_what_was_found_is_likely() -> None:
    assert meant("read zzxq now") == "read zzxq now"
    assert meant("read zzxq now", {"zzxq": "everything"}) == "read everything now"


def test_words_of_some_code_stay() -> None:
    words = [Word("plaese", is_fixed=True, is_joined=True), Word("wrtie", False, False)]
    assert decoded(words, {}) == [(1, 2, ("write",))]


@given(st.lists(st.text("aehlnost", min_size=1, max_size=9), min_size=1, max_size=12))
def test_changes_are_in_order_and_apart(texts: list[str]) -> None:
    words = [Word(text, is_fixed=False, is_joined=True) for text in texts[:-1]]
    changes = decoded([*words, Word(texts[-1], is_fixed=False, is_joined=False)], {})
    places = [place for one in changes for place in (one.start, one.end)]
    assert places == sorted(places)
    assert all(0 <= one.start < one.end <= len(texts) for one in changes)
    assert all(one.words != tuple(texts[one.start : one.end]) for one in changes)


def test_no_words_stand_for_nothing() -> None:
    assert decoded([], {}) == []
