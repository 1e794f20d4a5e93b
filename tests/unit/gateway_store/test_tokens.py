"""The format of tokens."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.tokens import TOKEN_PATTERN, KeyKind, digest, is_well_formed, mint, redacted


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_minted_token_has_the_format_and_its_checksum(kind: KeyKind) -> None:
    token = mint(kind)
    assert re.fullmatch(rf"tyr_{kind}_[0-9A-Za-z]{{49}}", token)
    assert is_well_formed(token)
    assert TOKEN_PATTERN.search(f"key={token}, and more").group() == token  # type: ignore[union-attr]


def test_two_tokens_are_never_the_same() -> None:
    assert len({mint(KeyKind.LIVE) for _ in range(500)}) == 500


@given(
    st.integers(min_value=0, max_value=57), st.sampled_from(string.ascii_letters + string.digits)
)
def test_one_changed_character_is_noticed(place: int, character: str) -> None:
    token = mint(KeyKind.LIVE)
    changed = token[:place] + character + token[place + 1 :]
    assert is_well_formed(changed) == (changed == token)


@given(st.text(max_size=80))
def test_any_text_may_be_asked_about(text: str) -> None:
    assert not is_well_formed(text)
    assert len(digest(text)) == 32


@pytest.mark.parametrize(
    "bad", ["", "tyr_", "\x00", "tyr_live_" + "١" * 49, "\ud800", "a" * 100_000]
)
def test_odd_text_is_no_token(bad: str) -> None:
    assert not is_well_formed(bad)
    assert not is_well_formed(mint(KeyKind.LIVE) + bad) or not bad


def test_a_trailing_newline_makes_it_no_token() -> None:
    assert not is_well_formed(mint(KeyKind.LIVE) + "\n")


def test_the_redacted_value_keeps_twelve_and_four_characters() -> None:
    token = mint(KeyKind.LIVE)
    assert redacted(token) == f"{token[:12]}...{token[-4:]}"
