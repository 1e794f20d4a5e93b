"""Codes of authenticator apps against the vectors of RFC 6238 and RFC 4226."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.console.sign_in.totp import (
    STEP_S,
    address,
    code_at,
    matching_step,
    picture,
    readable,
)

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // STEP_S) == code


@given(st.integers(0, 2**40), st.integers(-3, 3))
def test_a_code_fits_its_own_step_and_its_neighbours_once(now: int, off: int) -> None:
    step = now // STEP_S + off
    if step < 0:
        return
    code = code_at(SECRET, step)
    found = matching_step(SECRET, code, -1, lambda: now)
    if abs(off) <= 1:
        assert found is not None
        assert code_at(SECRET, found) == code
        assert matching_step(SECRET, code, now // STEP_S + 1, lambda: now) is None


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "²²²²²²", "-12345", "１２３４５６"]
)
def test_what_is_no_code_fits_nothing(code: str) -> None:
    assert matching_step(SECRET, code, -1, lambda: 59) is None


def test_the_picture_holds_the_secret_that_people_can_read() -> None:
    query = parse_qs(urlsplit(address(SECRET, "a b@example.com")).query)
    assert base64.b32decode(query["secret"][0]) == SECRET
    assert base64.b32decode(readable(SECRET).replace(" ", "")) == SECRET
    size, path = picture(SECRET, "ada@example.com")
    assert size >= 21
    assert path.startswith("M")


def test_a_name_without_end_still_makes_a_picture() -> None:
    size, path = picture(b"s" * 20, "\U0001f600" * 5_000)
    assert size > 20
    assert path
