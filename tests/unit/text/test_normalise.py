"""What normalising does to one thing at a time."""

import pytest

from tyrian.text.normalise import HiddenRun, normalise


def tagged(text: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) for c in text)


def test_hidden_runs_tell_kind_place_and_payload() -> None:
    text = "go" + tagged("Stop") + "\u202eon"
    assert normalise(text).hidden == (
        HiddenRun("tag", 2, 6, "Stop"),
        HiddenRun("bidi", 6, 7),
    )


def test_variation_selectors_carry_bytes_of_utf_8() -> None:
    data = "né".encode()
    smuggled = "".join(chr(0xE0100 + byte - 16) for byte in data)
    assert normalise("😀" + smuggled).hidden[0].payload == "né"


def test_a_span_covers_what_was_hidden_inside_of_it() -> None:
    text = "x ig\u200bno\u200bre y"
    view = normalise(text)
    at = view.text.index("ignore")
    start, end = view.span(at, at + 6)
    assert text[start:end] == "ig\u200bno\u200bre"


def test_a_character_that_expands_maps_to_its_source() -> None:
    view = normalise("a½b…c")
    assert view.text == "a1⁄2b...c"
    assert view.span(1, 4) == (1, 2)
    assert view.span(5, 6) == (3, 4)


def test_an_empty_span_is_a_place() -> None:
    assert normalise("ab").span(1, 1) == (1, 1)
    assert normalise("é\u200bé").span(9, 9) == (3, 3)


def test_a_flood_of_hidden_characters_is_one_run_per_kind() -> None:
    hidden = normalise("a\u200bb\u202e" * 5000).hidden
    assert sorted(run.kind for run in hidden) == ["bidi", "zero-width"]


@pytest.mark.parametrize("text", ["İ", "ǆ", "한국어", "各位", "العربية", "नमस्ते", "λόγος", "ёлка"])
def test_a_word_of_one_script_keeps_its_letters(text: str) -> None:
    assert normalise(text).hidden == ()
    assert normalise(text).text in (text, "dž")


def test_a_lone_surrogate_is_a_control_character() -> None:
    view = normalise("a\ud800b")
    assert view.text == "ab"
    assert [run.kind for run in view.hidden] == ["control"]


def test_a_joiner_in_a_latin_word_is_not_orthography() -> None:
    assert normalise("ig\u200cnore").text == "ignore"


def test_marks_do_not_pile_up_on_any_script() -> None:
    assert len(normalise("ا" + "\u064e" * 500).text) < 10
    assert normalise("o" + "\u0308" * 500 + "k").text == "ok"
