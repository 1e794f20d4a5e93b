"""What fingers do to a word, and how readily."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.text.spelling.slips import FAR, MORE, NEAR, READY, distance, effort, slips

WORDS = st.text("abcdehklmnopst", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("word", "meant", "cost"),
    [
        ("wehn", "when", READY),
        ("lettter", "letter", READY),
        ("leter", "letter", READY),
        ("writhe", "write", MORE),
        ("wrute", "write", NEAR),
        ("wrlte", "write", FAR),
        ("wreit", "write", None),
    ],
)
def test_what_comes_readily_costs_least(word: str, meant: str, cost: int | None) -> None:
    assert effort(word, meant) == cost


@given(WORDS, WORDS)
def test_one_slip_is_one_however_it_is_counted(word: str, meant: str) -> None:
    assert (slips(word, meant) <= 1) == (distance(word, meant) <= 1)
    assert (effort(word, meant) is None) == (distance(word, meant) > 1)
