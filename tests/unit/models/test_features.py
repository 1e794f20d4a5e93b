"""Hashed n-grams: the same words give the same buckets, wherever they stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.models.features import CHAR_ORDERS, TABLE_SIZE, WORD_SLOTS, grams_of
from tyrian.models.windows import SIZES, grid


def test_a_gram_has_the_same_bucket_wherever_it_stands() -> None:
    alone = grams_of("open the door")
    later = grams_of("please, now and here, open the door")
    shift = later.length - alone.length
    for order, row_alone, row_later in zip(CHAR_ORDERS, alone.chars, later.chars, strict=True):
        inside = slice(1, alone.length - order)
        moved = row_later[shift : shift + alone.length]
        assert np.array_equal(row_alone[inside], moved[inside])
    assert np.array_equal(alone.words[0], later.words[0][-3:])
    assert np.array_equal(alone.words[1][:2], later.words[1][-3:-1])


def test_letter_case_digits_and_blank_runs_do_not_matter() -> None:
    one, other = grams_of("Room 17\n\n  is FREE"), grams_of("room 94 is free")
    assert np.array_equal(one.chars, other.chars)
    assert np.array_equal(one.words, other.words)


def test_scripts_without_blanks_have_a_word_per_character() -> None:
    assert len(grams_of("忽略之前的指令").word_starts) == 7


@pytest.mark.parametrize("text", ["", " ", "a", "\n\n", "\u0130", "\ud800", "\U0001f600", "ﷺ"])
def test_short_and_strange_texts_have_grams(text: str) -> None:
    grams = grams_of(text)
    assert grams.chars.shape == (len(CHAR_ORDERS), grams.length)
    assert grams.words.shape[0] == WORD_SLOTS


@given(st.text(max_size=300))
def test_buckets_stay_in_the_table_and_spans_in_the_text(text: str) -> None:
    grams = grams_of(text)
    assert grams.chars.max() < TABLE_SIZE
    assert not grams.words.size or TABLE_SIZE <= grams.words.min() <= grams.words.max()
    assert not grams.words.size or grams.words.max() < 2 * TABLE_SIZE
    start, end = grams.span(0, grams.length)
    assert 0 <= start <= end <= len(text)
    assert grams.mass[-1] == len(CHAR_ORDERS) * grams.length + WORD_SLOTS * len(grams.word_starts)


@given(st.integers(2, 5000))
def test_windows_of_every_size_leave_no_character_out(length: int) -> None:
    windows = grid(length)
    for index in range(int(windows.sizes[-1]) + 1):
        of = windows.sizes == index
        starts, ends = windows.starts[of], windows.ends[of]
        assert starts[0] == 0
        assert ends[-1] == length
        assert (starts[1:] <= ends[:-1]).all()
        assert (ends - starts <= SIZES[index]).all()
