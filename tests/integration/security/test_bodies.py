"""Lines 18 to 20: bodies that are too large, too deep or ask for too much."""

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tyrian.gateway.strict_json import MAX_STRINGS

MB = 1 << 20
SAID: dict[str, Any] = {"model": "org/fake-model", "messages": [{"role": "user", "content": "hi"}]}
PATHS = ["/v1/chat/completions", "/v1/moderations", "/llama/v1/chat/completions", "/v1/responses"]


def post(
    port: int, key: str, body: Any, path: str = PATHS[0], **headers: str
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    plain = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    plain |= {name.replace("_", "-"): value for name, value in headers.items()}
    is_chunked = not isinstance(body, bytes)
    connection.request("POST", path, body, plain, encode_chunked=is_chunked)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer["error"]


def pieces(size: int) -> Iterator[bytes]:
    yield b'{"model":"m","messages":"'
    for _ in range(size // MB):
        yield b"x" * MB


@pytest.mark.parametrize("path", PATHS)
def test_line_18_a_body_over_the_limit_is_a_413_in_constant_memory(kit: Any, path: str) -> None:
    port = kit.start()
    process = psutil.Process()
    before = process.memory_info().rss
    assert post(port, kit.key, b" " * (12 * MB), path)[0] == 413
    assert post(port, kit.key, pieces(12 * MB), path)[0] == 413
    announced = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    announced.putrequest("POST", path)
    for name, value in (
        ("authorization", f"Bearer {kit.key}"),
        ("content-type", "application/json"),
        ("content-length", str(50 << 30)),
    ):
        announced.putheader(name, value)
    announced.endheaders()
    assert announced.getresponse().status == 413
    announced.close()
    # The test's own 12 MB and the gateway's live in one process.
    assert process.memory_info().rss - before < 100 * MB


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_line_18_a_compressed_body_is_a_415_and_is_never_unpacked(kit: Any, encoding: str) -> None:
    port = kit.start()
    bomb = gzip.compress(b" " * (200 * MB), 9)
    before = psutil.Process().memory_info().rss
    status, error = post(port, kit.key, bomb, content_encoding=encoding)
    assert (status, error["code"]) == (415, "unsupported_content_encoding")
    assert psutil.Process().memory_info().rss - before < 50 * MB


def test_line_18_a_form_of_very_many_parts_is_refused(kit: Any) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    form = part * 100_000 + b"--b--\r\n"
    for path in PATHS:
        status, error = post(
            kit.start(), kit.key, form, path, content_type="multipart/form-data; boundary=b"
        )
        assert status in (400, 404, 413, 415), path
        assert error["message"]


def many_keys(count: int) -> bytes:
    return b"{" + b",".join(b'"k%d":1' % i for i in range(count)) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"model":"m","messages":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        many_keys(800_000),
        many_keys(MAX_STRINGS + 1),
        b'{"model":"m","messages":[],"seed":' + b"1" * 1_000_000 + b"}",
        b'{"model":"m","messages":[],"temperature":1e999999}',
        b'{"model":"m","messages":[],"temperature":NaN}',
        b'{"model":"m","messages":[],"temperature":-Infinity}',
        b'{"model":"m\\ud800","messages":[]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\udfff"}]}',
        b'{"model":"\xed\xa0\x80","messages":[]}',
        b'{"model":"m","model":"n","messages":[]}',
        b'\xef\xbb\xbf{"model":"m"}',
        '{"model":"m"}'.encode("utf-16"),
        b'{"model":"m"}{"model":"n"}',
    ],
    ids=lambda body: repr(body[:30]),
)
@pytest.mark.parametrize("path", PATHS)
def test_line_19_json_that_nobody_means_is_a_400(kit: Any, path: str, body: bytes) -> None:
    status, error = post(kit.start(), kit.key, body, path)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert kit.upstream.requests == []


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 10**6}, {"n": 0}, {"n": -1}, {"n": 1.5}, {"n": True}, {"n": "2"},
        {"max_tokens": -1}, {"max_tokens": 2**63}, {"max_tokens": 0},
        {"max_completion_tokens": 2**63}, {"max_completion_tokens": -1},
        {"logprobs": True, "top_logprobs": 10**9}, {"top_logprobs": -1}, {"best_of": 10**6},
        {"tools": [{"type": "function", "function": {"name": f"f{i}"}} for i in range(10**4)]},
        {"tools": {}}, {"tools": "all"},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {
            "type": "string", "pattern": "(a+)+" * 200_000}}}},
        {"messages": []}, {"messages": None}, {"messages": [{}] }, {"stream": "yes"},
    ],
    ids=lambda asked: json.dumps(asked)[:40],
)  # fmt: skip
def test_line_20_values_beyond_all_bounds_are_a_400(kit: Any, asked: dict[str, Any]) -> None:
    body = json.dumps({**SAID, **asked}).encode()
    status, error = post(kit.start(), kit.key, body)
    assert status == 400
    assert error["message"]
    assert kit.upstream.requests == []
