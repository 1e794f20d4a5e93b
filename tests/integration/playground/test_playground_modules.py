"""The modules of the page that need no page: state and texts, run where they will run."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrian.gateway.console.playground.visible import visible

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def module(browser: Any, gateway: Any) -> Any:
    """Calls `body(texts, state)` with both modules, and an argument."""
    page = browser.new_page()
    page.goto(gateway.url + "/ask")
    page.evaluate(
        "async () => { window.texts = await import('/static/playground/text.js');"
        " window.state = await import('/static/playground/state.js'); }"
    )

    def call(body: str, argument: Any = None) -> Any:
        # As JSON, so that lone surrogates and other odd strings cannot be lost on the way.
        given = json.dumps(argument)
        return page.evaluate(f"(given) => {{ const one = JSON.parse(given); {body} }}", given)

    yield call
    page.close()


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_places = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["low", "high"])), max_size=5
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_text, _places)
def test_pieces_lose_and_double_nothing_and_count_as_python_does(
    module: Any, text: str, places: list[tuple[int, int, str]]
) -> None:
    shown = [{"start": a, "end": b, "severity": s, "score": 0.5} for a, b, s in places]
    found = module("return texts.pieces(one.text, one.places);", {"text": text, "places": shown})
    assert "".join(piece["text"] for piece in found) == text
    for start, end, _ in places:
        if start < end <= len(text):
            covered = [p["text"] for p in found if [start, end] in _spans(p)]
            assert "".join(covered) == text[start:end]


def _spans(piece: dict[str, Any]) -> list[list[int]]:
    return [[place["start"], place["end"]] for place in piece["places"]]


def test_both_sides_write_out_the_same_characters(module: Any) -> None:
    every = "".join(
        chr(n) for n in (*range(0x3000), *range(0xFE00, 0x10000), *range(0xE0000, 0xE0100))
    )
    assert module("return texts.visible(one);", every) == visible(every)


def test_a_watcher_is_called_only_where_what_it_looks_at_has_changed(module: Any) -> None:
    seen = module(
        """const store = state.createStore({ a: 1, b: 1 });
        const seen = [];
        const end = store.watch((now) => now.a, (value) => seen.push(value));
        store.set((now) => ({ ...now, b: 2 }));
        store.set((now) => ({ ...now, a: 2 }));
        store.set((now) => now);
        end();
        store.set((now) => ({ ...now, a: 3 }));
        return seen;"""
    )
    assert seen == [1, 2]


def test_no_more_than_six_and_no_fewer_than_one_column(module: Any) -> None:
    counts = module(
        """let now = { columns: [state.column()] };
        for (let i = 0; i < 9; i += 1) now = state.addColumn({})(now);
        const most = now.columns.length;
        for (let i = 0; i < 9; i += 1) now = state.removeColumn(now.columns[0].id)(now);
        return [most, now.columns.length];"""
    )
    assert counts == [6, 1]


def test_a_request_holds_the_turns_that_passed(module: Any) -> None:
    turns = [
        {"id": "1", "role": "user", "text": "a"},
        {"id": "2", "role": "assistant", "text": "b"},
        {"id": "3", "role": "user", "text": "blocked", "isLeftOut": True},
        {"id": "4", "role": "assistant", "text": "", "error": "broke off"},
        {"id": "5", "role": "user", "text": "see", "images": ["data:image/png;base64,AA=="]},
        {
            "id": "6",
            "role": "assistant",
            "text": "",
            "calls": [{"id": "c", "name": "f", "args": "{}"}],
        },
        {"id": "7", "role": "tool", "text": "done", "callId": "c"},
    ]
    settings_ = {"model": "m", "system": "S", "params": {"seed": 0, "stop": ""}, "turns": turns}
    body = module("return state.requestOf(state.column(one)).body;", settings_)
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ],
        "seed": 0,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        ('{"name": "f"}', ["f"]),
        ('[{"name": "f"}, {"type": "function", "function": {"name": "g"}}]', ["f", "g"]),
        ("[{}]", None),
        ("{", None),
        ("[1]", None),
    ],
)
def test_tools_are_read_bare_and_wrapped(module: Any, written: str, read: list[str] | None) -> None:
    found = module(
        "try { return state.readTools(one).map((tool) => tool.function.name); }"
        " catch { return null; }",
        written,
    )
    assert found == read
