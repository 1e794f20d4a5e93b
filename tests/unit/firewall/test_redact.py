"""Redaction across text and tool calls, and pseudonyms that can be turned back."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.core.detection import Finding
from tyrian.core.message import ImagePart, Message, TextPart, ToolCall
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import CannotRedactError, Mark, RedactStyle, merge_marks, redact

MAIL = "ann@example.org"
texts = st.text(max_size=60)
marks = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from("abc")).map(
        lambda t: Mark(t[0], t[0] + t[1], t[2])
    ),
    max_size=6,
)


def found(message: Message, value: str, label: str = "email") -> list[Finding]:
    text, at, places = message.text, -1, []
    while (at := text.find(value, at + 1)) >= 0:
        places.append(Finding("r", label, "", start=at, end=at + len(value)))
    return places


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (RedactStyle.LABEL, "mail [REDACTED:email] now"),
        (RedactStyle.MASK, "mail **** now"),
        (RedactStyle.PSEUDONYM, "mail <EMAIL_1> now"),
    ],
)
def test_each_style_replaces_the_value(style: RedactStyle, expected: str) -> None:
    message = Message.user(f"mail {MAIL} now")
    assert redact(message, found(message, MAIL), style).text == expected


def test_spans_count_across_parts_and_images_stay() -> None:
    image = ImagePart("https://example.org/a.png")
    message = Message.user([TextPart("one"), image, TextPart(f"two {MAIL}"), TextPart(MAIL)])
    redacted = redact(message, found(message, MAIL), RedactStyle.MASK)
    assert redacted.parts == (TextPart("one"), image, TextPart("two ****"), TextPart("****"))


def test_a_span_over_the_gap_is_replaced_on_both_sides() -> None:
    message = Message.user([TextPart("ab secret"), TextPart("part cd")])
    redacted = redact(message, [Mark(3, 14, "x", RedactStyle.MASK)])
    assert redacted.segments == ("ab ****", "**** cd")


def test_redacted_tool_call_arguments_stay_json() -> None:
    call = ToolCall("1", "send", json.dumps({"to": MAIL, "n": 1}))
    message = Message.assistant("ok", calls=[call])
    redacted = redact(message, found(message, MAIL))
    assert json.loads(redacted.tool_calls[0].arguments) == {"to": "[REDACTED:email]", "n": 1}


def test_an_escape_before_the_value_is_not_cut_in_two() -> None:
    arguments = json.dumps({"body": f"hi\n{MAIL}"})
    message = Message.assistant(calls=[ToolCall("1", "send", arguments)])
    at = arguments.index("n" + MAIL)
    span = Finding("r", "email", "", start=at, end=at + 1 + len(MAIL))
    assert json.loads(redact(message, [span]).tool_calls[0].arguments)


def test_arguments_that_would_no_longer_be_json_cannot_be_redacted() -> None:
    message = Message.assistant(calls=[ToolCall("1", "pay", '{"card": 4111111111111111}')])
    with pytest.raises(CannotRedactError, match="JSON"):
        redact(message, found(message, "4111111111111111", "card"))


def test_a_span_without_characters_cannot_be_redacted() -> None:
    with pytest.raises(CannotRedactError, match="nothing"):
        redact(Message.user("text"), [Mark(0, 0, "x")])


@given(marks)
def test_merged_marks_cover_the_same_characters_without_overlap(given: list[Mark]) -> None:
    merged = merge_marks(given)
    covered = {i for mark in given for i in range(mark.start, mark.end)}
    assert {i for mark in merged for i in range(mark.start, mark.end)} == covered
    assert all(a.end <= b.start for a, b in itertools.pairwise(merged))


@given(st.lists(texts, min_size=1, max_size=3), marks)
def test_what_no_mark_covers_stays_as_it_was(parts: list[str], given: list[Mark]) -> None:
    message = Message.user([TextPart(part) for part in parts])
    covered = {i for mark in given for i in range(mark.start, mark.end)}
    try:
        redacted = redact(message, [Mark(m.start, m.end, "x", RedactStyle.MASK) for m in given])
    except CannotRedactError:
        # Nothing was covered, or only asterisks were.
        assert {c for i, c in enumerate(message.text) if i in covered} <= {"*", "\n"}
        return
    kept = [c for i, c in enumerate(message.text) if i not in covered and c not in "*\n"]
    assert [c for c in redacted.text if c not in "*\n"] == kept


@given(texts, texts)
def test_pseudonyms_are_turned_back(before: str, after: str) -> None:
    message = Message.user(f"{before} {MAIL} {after}")
    known = Pseudonyms()
    spans = found(message, MAIL)
    redacted = redact(message, spans, RedactStyle.PSEUDONYM, known)
    assert MAIL not in redacted.text
    assert known.restore(redacted.text) == message.text


def test_the_same_value_has_the_same_pseudonym_in_every_message() -> None:
    known = Pseudonyms()
    for text in (f"a {MAIL}", f"b {MAIL} c {MAIL}"):
        message = Message.user(text)
        redacted = redact(message, found(message, MAIL), RedactStyle.PSEUDONYM, known)
        assert redacted.text == text.replace(MAIL, "<EMAIL_1>")
    assert known.token("email", "bob@example.org") == "<EMAIL_2>"
    assert len(known) == 2


def test_a_pseudonym_that_the_text_holds_already_is_not_given_out() -> None:
    message = Message.user(f"<EMAIL_1> wrote to {MAIL}")
    known = Pseudonyms()
    redacted = redact(message, found(message, MAIL), RedactStyle.PSEUDONYM, known)
    assert redacted.text == "<EMAIL_1> wrote to <EMAIL_2>"
    assert known.restore(redacted.text) == message.text


def test_values_in_tool_calls_are_restored_as_json() -> None:
    known = Pseudonyms()
    value = 'Ann "Tiny"\nSmith'
    arguments = json.dumps({"who": value})
    message = Message.assistant(calls=[ToolCall("1", "f", arguments)])
    span = Finding("r", "person", "", start=9, end=len(arguments) - 2)
    redacted = redact(message, [span], RedactStyle.PSEUDONYM, known).tool_calls[0].arguments
    assert json.loads(redacted) == {"who": "<PERSON_1>"}
    assert json.loads(known.restore(redacted, in_json=True)) == {"who": value}
    assert known.restore("<PERSON_1>") == value


@given(
    st.lists(st.sampled_from(["<", ">", "EMAIL", "_1", "_", "1", "<EMAIL_1>", "a"]), max_size=30)
)
def test_a_stream_is_restored_as_the_whole_text_is(pieces: list[str]) -> None:
    known = Pseudonyms()
    known.token("email", MAIL)
    restorer = known.restorer()
    streamed = "".join([*map(restorer.feed, pieces), restorer.close()])
    assert streamed == known.restore("".join(pieces))


def test_a_label_cannot_break_out_of_a_json_string() -> None:
    message = Message.assistant(calls=[ToolCall("1", "f", '{"a": "secret"}')])
    redacted = redact(message, found(message, "secret", 'x", "b": "'))
    assert list(json.loads(redacted.tool_calls[0].arguments)) == ["a"]
