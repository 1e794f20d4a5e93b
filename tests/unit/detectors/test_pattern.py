"""The user's words and expressions: matched as written and as read, refused when not linear."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.core.detection import Finding, Severity, View
from tyrian.core.message import Message
from tyrian.core.registry import DetectorConfig, create_detector
from tyrian.detectors.pattern import Pattern, create
from tyrian.errors import ConfigError


def detector(*patterns: object) -> Pattern:
    return create(DetectorConfig("mine", options={"patterns": list(patterns)}))


def find(text: str, *patterns: object) -> tuple[Finding, ...]:
    return detector(*patterns).detect(View.of(Message.user(text))).findings


def found(text: str, *patterns: object) -> list[str]:
    return [text[f.start : f.end] for f in find(text, *patterns)]


def test_words_are_found_whole_and_in_any_case() -> None:
    words = {"id": "bird", "label": "confidential", "words": ["Blue Bird", "owl"]}
    assert found("a BLUE bird, owls, an Owl", words) == ["BLUE bird", "Owl"]


def test_case_and_word_borders_can_be_changed() -> None:
    words = {"words": ["Owl"], "case_sensitive": True, "whole_word": False}
    assert found("owl Owlet", words) == ["Owl"]


def test_words_of_other_scripts_keep_their_place() -> None:
    assert found("Ärger mit İSTANBUL und ÄRGER", {"words": ["ärger"]}) == ["Ärger", "ÄRGER"]


def test_a_regular_expression_is_found_with_its_span() -> None:
    (hit,) = find("Zoë: ticket ABC-123!", {"id": "t", "label": "ticket", "regex": r"[A-Z]{3}-\d+"})
    assert (hit.rule, hit.label, hit.start, hit.end) == ("pattern.t", "ticket", 12, 19)


def test_hidden_characters_do_not_hide_a_word() -> None:
    text = "the blue\u200bbird and blu\u0435bird"
    assert found(text, {"words": ["bluebird"]}) == ["blue\u200bbird", "blu\u0435bird"]


def test_severity_and_score_are_the_users() -> None:
    (hit,) = find("owl", {"words": ["owl"], "severity": "critical", "score": 0.6})
    assert (hit.severity, hit.score) == (Severity.CRITICAL, 0.6)


def test_words_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# birds\nowl\n\nred kite\n", encoding="utf-8")
    assert found("a red kite", {"words_file": str(file)}) == ["red kite"]


@pytest.mark.parametrize("regex", [r"(a)\1", r"(?=x)y", r"(?<!x)y", "(", "[z-a]"])
def test_an_expression_that_is_not_linear_time_is_refused_by_name(regex: str) -> None:
    with pytest.raises(ConfigError, match="mine-1"):
        detector({"id": "mine-1", "regex": regex})


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (None, "patterns"),
        ([], "patterns"),
        (["owl"], "mapping"),
        ([{"id": "a"}], "exactly one"),
        ([{"words": ["a"], "regex": "b"}], "exactly one"),
        ([{"words": []}], "empty"),
        ([{"words": ["a", ""]}], "words"),
        ([{"regex": ""}], "regex"),
        ([{"words": ["a"], "severity": "awful"}], "severity"),
        ([{"words": ["a"], "score": 2}], "score"),
        ([{"words": ["a"], "whole_word": "yes"}], "whole_word"),
        ([{"wrods": ["a"]}], "words"),
        ([{"id": "a", "words": ["a"]}, {"id": "a", "words": ["b"]}], "two patterns"),
        ([{"words_file": "no/such/file"}], "words file"),
    ],
)
def test_a_faulty_entry_is_refused(patterns: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create(DetectorConfig("mine", options={"patterns": patterns}))


@settings(max_examples=60)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_the_span_is_the_word_wherever_it_stands(before: str, after: str) -> None:
    text = f"{before} bluebird {after}"
    assert "bluebird" in [s.lower() for s in found(text, {"words": ["bluebird"]})]


def test_the_labels_are_in_the_info() -> None:
    options = {"patterns": [{"label": "x", "words": ["a"]}, {"id": "y", "regex": "b"}]}
    assert create_detector("pattern", DetectorConfig("p", options=options)).info.labels == (
        "x",
        "y",
    )


def test_a_word_that_hides_where_another_stands_open_is_found_too() -> None:
    text = "the blue\u200bbird"
    blue = {"id": "blue", "words": ["blue"], "whole_word": False}
    bird = {"id": "bird", "words": ["bluebird"]}
    assert {f.rule for f in find(text, blue, bird)} == {"pattern.blue", "pattern.bird"}
    assert len(find(text, blue)) == 1


def test_a_thousand_matches_behind_other_scripts_keep_their_places() -> None:
    text = "é owl " * 1000
    hits = find(text, {"words": ["owl"]})
    assert [h.start for h in hits] == list(range(2, 6000, 6))
