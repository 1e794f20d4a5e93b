"""Code of a request: it says what the request says, and nothing in it acts."""

import ast
import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.console.playground.code import LANGUAGES, literal

ORIGIN = "http://127.0.0.1:8080"
BODY: dict[str, Any] = {
    "model": "org/model",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    "temperature": 0.2,
    "max_completion_tokens": 50,
    "top_k": 3,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    },
    "stream": True,
}
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
_json = st.recursive(
    _plain | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("language", ["openai", "llama", "langchain"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_python_is_python_and_holds_the_request(language: str, is_stream: bool) -> None:
    code = LANGUAGES[language]({**BODY, "stream": is_stream}, ORIGIN)
    strings = {n.value for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Constant)}
    assert {"org/model", "Be brief.", "Hi", "TYRIAN_API_KEY"} <= strings
    assert "tyr_" not in code


def test_curl_is_one_command_with_the_body_as_it_is() -> None:
    words = shlex.split(LANGUAGES["curl"](BODY, ORIGIN))
    assert words[:3] == ["curl", "-N", f"{ORIGIN}/v1/chat/completions"]
    assert json.loads(words[-1]) == BODY
    assert words[words.index("-H") + 1] == "Authorization: Bearer $TYRIAN_API_KEY"


@given(_json)
def test_a_literal_is_the_value_itself(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": text}]}
    words = shlex.split(LANGUAGES["curl"](body, ORIGIN).replace("\\\n", " "))
    assert len(words) == 8
    assert json.loads(words[-1]) == body
    for language in ("openai", "llama", "langchain"):
        tree = ast.parse(LANGUAGES[language](body, ORIGIN))
        constants = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        assert text in constants


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_characters_that_hide_are_escaped_in_code(language: str) -> None:
    text = "a\u202eb\U000e0041c"
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": text}]}
    code = LANGUAGES[language](body, ORIGIN)
    assert code.isascii()
    assert "202e" in code


def test_the_llama_api_is_told_what_it_knows_and_the_rest_is_named() -> None:
    code = LANGUAGES["llama"](BODY, ORIGIN)
    assert "top_k=3" in code
    assert "strict" not in code
    assert "The Llama API has no seed." in LANGUAGES["llama"]({**BODY, "seed": 1}, ORIGIN)
