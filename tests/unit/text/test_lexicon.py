"""Words in common use and what is one slip away from them."""

from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.lexicon import Lexicon, lexicon
from tyrian.text.slips import slips

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
    found = Lexicon(WORDS).correction(changed)
    assert found == (None if changed == word else word)


@given(st.text(LETTERS, max_size=9), st.text(LETTERS, max_size=9))
def test_slips_are_as_many_one_way_as_the_other(word: str, meant: str) -> None:
    assert slips(word, meant) == slips(meant, word)


def test_of_two_words_as_near_the_more_frequent_one_is_meant() -> None:
    assert Lexicon(("plead", "pleat")).correction("pleaq") == "plead"
    assert Lexicon(("pleat", "plead")).correction("pleaq") == "pleat"


def test_two_words_in_one_are_taken_apart() -> None:
    known = Lexicon(("the", "kitchen", "window"))
    assert known.parts("thekitchen") == ("the", "kitchen")
    assert known.parts("thegarden") is None


def test_the_shipped_words_are_known() -> None:
    assert {"please", "window", "because"} <= lexicon().known
    assert lexicon().correction("please") is None


def test_what_fingers_do_more_readily_is_meant() -> None:
    known = Lexicon(("call", "all", "bread", "broad"))
    assert known.correction("aall") == "all"
    assert known.correction("briad") == "broad"


def test_letters_typed_again_and_again_count_once() -> None:
    known = Lexicon(("letter", "preparation"))
    assert known.correction("llettterr") == "letter"
    assert known.correction("ppreparaation") == "preparation"


def test_a_long_word_may_have_two_slips() -> None:
    known = Lexicon(("architecture", "window"))
    assert known.twice_misspelt("arhciteucture") == "architecture"
    assert known.twice_misspelt("wnidwo") is None


def test_two_words_in_one_may_have_a_slip() -> None:
    known = Lexicon(("kitchen", "window"))
    assert known.misspelt_parts("kithcenwindow") == ("kitchen", "window")
    assert known.misspelt_parts("kitchenwidnow") == ("kitchen", "window")
    assert known.misspelt_parts("kithcenwidnow") is None


def test_of_two_ways_to_part_words_the_more_frequent_ones_are_meant() -> None:
    assert Lexicon(("is", "this", "his", "ist")).parts("isthis") == ("is", "this")


def test_the_plural_of_a_known_word_is_known() -> None:
    known = Lexicon(("airport", "air", "port", "ports"))
    assert known.parts("airports") is None
    assert known.correction("airports") is None
