"""Word pieces are those of BERT's tokenizer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.models.encoder.guard import embedded_encoder
from tyrian.models.encoder.pieces import UNKNOWN, Vocabulary

SMALL = Vocabulary.of([UNKNOWN, "un", "##aff", "##able", "!", "字", "cafe", "1", "##1"])
# Scripts whose signs are the same in every version of Unicode in use.
LETTERS = st.characters(max_codepoint=0x17F) | st.sampled_from(
    "αβςΣжЙёéñøßİıאבशि字漢かガ한국ไทย。、，！“”–—…€☃\ufe0f\u200b\u200d\u00ad\ufeff\ufffd"
)


def test_the_longest_piece_is_taken_first() -> None:
    assert SMALL.pieces("unaffable") == (1, 2, 3)


def test_a_word_without_pieces_is_unknown_as_a_whole() -> None:
    assert SMALL.pieces("unaffablex") == (0,)


def test_accents_case_and_blanks_do_not_count() -> None:
    assert SMALL.pieces(" CAFÉ\t11 ") == (6, 7, 8)


def test_signs_and_ideographs_are_words_of_their_own() -> None:
    assert SMALL.pieces("un!字un") == (1, 4, 5, 1)


@pytest.mark.parametrize("text", ["", " ", "\x00\x1f", "\u0301"])
def test_what_nothing_is_left_of_has_no_pieces(text: str) -> None:
    assert SMALL.pieces(text) == ()


def test_a_word_of_a_hundred_letters_and_more_is_unknown() -> None:
    assert SMALL.pieces("1" * 100) == (7, *(8,) * 99)
    assert SMALL.pieces("1" * 101) == (0,)


def test_a_vocabulary_has_a_piece_for_the_unknown() -> None:
    with pytest.raises(ValueError, match="UNK"):
        Vocabulary.of(["a"])


@pytest.fixture(scope="module")
def shipped() -> Vocabulary:
    return embedded_encoder().vocabulary


def _reference(vocabulary: Vocabulary, folder: Path) -> object:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary.numbers), encoding="utf-8")
    return transformers.BertTokenizer(str(file), do_lower_case=True)


def test_the_pieces_are_those_of_transformers(
    shipped: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reference = _reference(shipped, tmp_path_factory.mktemp("vocabulary"))

    @settings(max_examples=300)
    @given(st.text(LETTERS, max_size=40))
    def same(text: str) -> None:
        expected = reference(text, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
        assert list(shipped.pieces(text)) == expected

    same()
