"""What is shared and saved has a form, and nothing beside it gets in."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.errors import InputError
from tyrian.gateway.console.playground.keep import Snapshot
from tyrian.gateway.console.playground.shared import as_json, read_conversation, read_setup
from tyrian.gateway.console.playground.snapshot_page import snapshot_page
from tyrian.gateway.console.playground.visible import visible

TURN = {"role": "user", "text": "Hi", "effect": "flag", "why": ["pii.email: noted"]}


def test_a_conversation_comes_back_as_it_was() -> None:
    given = {"columns": [{"model": "m", "turns": [TURN]}]}
    kept = as_json(read_conversation(given))
    assert read_conversation(kept) == read_conversation(given)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"columns": []}, "columns"),
        ({"columns": [{"model": "m"}] * 7}, "columns"),
        ({"columns": [{"model": 1}]}, "columns[0].model"),
        ({"columns": [{"model": "m", "turns": [{**TURN, "effect": "zebedee"}]}]}, "effect"),
        ({"columns": [{"model": "m", "zebedee": 1}]}, "columns[0]"),
        ({"columns": [{"model": "m"}], "organisation_id": "org_2"}, ""),
        ("zebedee", ""),
    ],
)
def test_what_has_another_form_is_refused_without_being_quoted(value: object, place: str) -> None:
    with pytest.raises(InputError) as caught:
        read_conversation(value)
    assert place in caught.value.message
    assert "zebedee" not in caught.value.message


def test_settings_take_numbers_and_words_only() -> None:
    with pytest.raises(InputError):
        read_setup({"columns": [{"params": {"stop": ["a"]}}]})
    assert read_setup({"columns": [{"params": {"seed": 1, "stop": "x"}}]}).columns[0].model == ""


class Reader(HTMLParser):
    """What a reader of the page sees, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_text_stands_in_a_snapshot_as_text(text: str) -> None:
    payload = as_json(
        read_conversation(
            {"columns": [{"model": text, "turns": [{"role": "assistant", "text": text}]}]}
        )
    )
    page = snapshot_page(Snapshot("snap_1", text, payload, "key_1", 0, 1, None), "")
    read = Reader(page)
    assert read.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "section",
        "h2",
        "h3",
        "article",
        "p",
    }
    assert visible(text) in read.text
