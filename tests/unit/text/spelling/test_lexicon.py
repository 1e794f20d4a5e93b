"""Words in common use and what is a slip or two away from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.spelling.lexicon import Lexicon, lexicon
from tyrian.text.spelling.slips import slips

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("window", "letter", "landlord", "please", "plead")


@given(st.sampled_from(WORDS[:3]), st.integers(0, 99), st.sampled_from(LETTERS), st.integers(0, 3))
def test_every_word_with_one_slip_is_found_again(
    word: str, place: int, letter: str, slip: int
) -> None:
    at = place % (len(word) - 1)
    changed = (
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    )[slip]
    assert Lexicon(WORDS).near(changed) == ([] if changed == word else [word])


@given(st.text(LETTERS, max_size=9), st.text(LETTERS, max_size=9))
def test_slips_are_as_many_one_way_as_the_other(word: str, meant: str) -> None:
    assert slips(word, meant) == slips(meant, word)


def test_the_more_frequent_words_come_first() -> None:
    assert Lexicon(("plead", "pleat")).near("pleaq") == ["plead", "pleat"]
    assert Lexicon(("pleat", "plead")).near("pleaq") == ["pleat", "plead"]


@pytest.mark.parametrize("word", ["", "fen\u00eatre", "w" * 40, "garden"])
def test_what_is_near_nothing_is_near_nothing(word: str) -> None:
    assert Lexicon(WORDS).near(word) == []
    assert Lexicon(WORDS).twice_misspelt(word) is None


def test_the_shipped_words_are_known() -> None:
    assert {"please", "window", "because"} <= lexicon().known
    assert "ignore" in lexicon().near("ignroe")


def test_letters_typed_again_and_again_count_once() -> None:
    known = Lexicon(("letter", "preparation"))
    assert known.unstuttered("llettterr") == "letter"
    assert known.unstuttered("ppreparaation") == "preparation"
    assert known.unstuttered("garden") is None


def test_a_longer_word_may_have_two_slips() -> None:
    known = Lexicon(("architecture", "window", "their"))
    assert known.twice_misspelt("arhciteucture") == "architecture"
    assert known.twice_misspelt("tehri") is None


def test_the_plural_of_a_known_word_is_known() -> None:
    assert Lexicon(("airport", "air")).knows("airports")
    assert not Lexicon(("airport", "air")).knows("airporter")
