"""What two JSON parsers could read differently is refused."""

import json

import pytest

from tyrian.errors import InputError
from tyrian.gateway.strict_json import MAX_STRINGS, decode_object, refuse_lookalikes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xff"}',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":[{"b":1,"b":1}]}',
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b'{"a":"\n"}',
        b"{'a':1}",
        b'{"a":01}',
    ],
)
def test_text_that_is_not_one_plain_object_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode_object(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("depth", [10_000, 100_000, 1_000_000])
def test_a_depth_bomb_is_refused(opening: bytes, depth: int) -> None:
    with pytest.raises(InputError):
        decode_object(b'{"a":' + opening * depth)


def test_a_closed_depth_bomb_is_refused() -> None:
    with pytest.raises(InputError, match="nested"):
        decode_object(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_a_plain_object_comes_back_as_it_is() -> None:
    assert decode_object(b'{"a": [1, 2.5, "\\u00e9", null, true]}') == {
        "a": [1, 2.5, "é", None, True]
    }


def test_an_error_never_quotes_the_body() -> None:
    with pytest.raises(InputError) as caught:
        decode_object(b'{"password": hunter2}')
    assert "hunter2" not in str(caught.value)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("key", ["Content", "CONTENT", "me\u017f\u017fages", "\u212aey"])
def test_a_key_that_a_case_blind_server_takes_for_a_known_one_is_refused(key: str) -> None:
    with pytest.raises(InputError):
        refuse_lookalikes([key], frozenset({"content", "messages", "key"}), "message")


def test_a_body_of_very_many_strings_is_refused_before_it_is_read() -> None:
    many = b"{" + b",".join(b'"k%d":1' % i for i in range(MAX_STRINGS + 1)) + b"}"
    with pytest.raises(InputError, match="keys and strings"):
        decode_object(many)
    tricky = b"{" + b",".join(rb'"%d\\":1' % i for i in range(2 * MAX_STRINGS + 1)) + b"}"
    with pytest.raises(InputError, match="keys and strings"):
        decode_object(tricky)


def test_a_long_text_full_of_quotes_is_taken() -> None:
    said = 'he said "no, a: b" ' * 200_000
    assert decode_object(json.dumps({"text": said}).encode()) == {"text": said}
