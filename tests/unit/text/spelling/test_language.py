"""How likely a word is after another one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.spelling.language import Language, language, packed, unpacked

WORDS = ("", "the", "letter", "window")
COUNTS = packed(np.array([100.0, 80, 20, 10]))


def make(*pairs: tuple[int, int, float]) -> Language:
    """A language of four words in which these pairs were seen."""
    numbers = np.array([first << 16 | second for first, second, _ in pairs], dtype=np.uint32)
    return Language(WORDS, COUNTS, numbers, packed(np.array([count for *_, count in pairs])))


def test_a_pair_that_was_seen_is_likelier_than_another_one() -> None:
    known = make((1, 3, 8.0))
    assert known.log_probability("window", "the") > known.log_probability("window", "letter")
    assert known.log_probability("letter", "the") > known.log_probability("window", "letter")
    assert known.log_probability("window", "letter") == known.log_probability("window", "garden")


def test_words_in_no_list_are_the_less_likely_the_longer_they_are() -> None:
    known = make((1, 3, 8.0))
    assert known.log_probability("window", "letter") > known.log_probability("widnow", "letter")
    assert known.log_probability("widnow", "the") > known.log_probability("thewidnow", "the")
    assert (known.count("window") > 0, known.count("widnow")) == (True, 0.0)


@given(st.lists(st.integers(1, 10**8), min_size=1))
def test_a_byte_keeps_a_count_to_a_few_percent(counts: list[int]) -> None:
    kept = unpacked(packed(np.array(counts, dtype=np.float64)))
    assert np.allclose(kept, counts, rtol=0.05)


def test_probabilities_of_the_shipped_words_are_below_one() -> None:
    for before, word in (("", "please"), ("of", "the"), ("ignore", "all"), ("don", "t")):
        assert language().log_probability(word, before) < 0
    assert language().log_probability("the", "of") > language().log_probability("then", "of")
