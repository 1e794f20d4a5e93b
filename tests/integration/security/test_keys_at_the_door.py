"""Lines 1 to 3 and 6: how a key may be shown, and how it may not."""

import http.client
import json
from typing import Any

import pytest

SAID: dict[str, Any] = {"model": "org/fake-model", "messages": [{"role": "user", "content": "hi"}]}
ROUTES = [
    ("POST", "/v1/chat/completions"), ("POST", "/v1/responses"), ("POST", "/v1/moderations"),
    ("GET", "/v1/models"), ("GET", "/v1/models/org/fake-model"),
    ("GET", "/v1/moderations/taxonomy"),
    ("POST", "/llama/v1/chat/completions"), ("POST", "/compat/v1/chat/completions"),
]  # fmt: skip


def ask(
    port: int, method: str, path: str, headers: list[tuple[str, str]], body: Any = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path)
    raw = json.dumps(body if body is not None else SAID).encode() if method == "POST" else b""
    for name, value in [*headers, ("content-type", "application/json")]:
        connection.putheader(name, value.encode("latin-1"))
    connection.putheader("content-length", str(len(raw)))
    connection.endheaders(raw)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, text


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_line_01_anything_but_one_good_bearer_key_is_a_401(
    kit: Any, method: str, path: str
) -> None:
    port = kit.start()
    good = f"Bearer {kit.key}"
    for headers in (
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", f"Basic {kit.key}")],
        [("Authorization", kit.key)],
        [("Authorization", f"Token {kit.key}")],
        [("Authorization", f"Bearer {kit.key} extra")],
        [("Authorization", f'Bearer "{kit.key}"')],
        [("Authorization", good), ("Authorization", good)],
        [("Authorization", good), ("Authorization", "Bearer other")],
        [("Authorization", f"{good}, {good}")],
        [("Proxy-Authorization", good)],
    ):
        status, found, text = ask(port, method, path, headers)
        assert status == 401, headers
        assert found["www-authenticate"] == "Bearer"
        assert json.loads(text)["error"]["code"] == "invalid_api_key"
    assert kit.upstream.requests == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_line_02_a_key_in_the_query_a_cookie_or_the_body_is_no_key(
    kit: Any, method: str, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    port = kit.start()
    for name in ("key", "api_key", "api-key", "access_token", "token", "authorization"):
        assert ask(port, method, f"{path}?{name}={kit.key}", [])[0] == 401
        assert ask(port, method, path, [("Cookie", f"{name}={kit.key}")])[0] == 401
        status, _, text = ask(port, method, path, [], {**SAID, name: kit.key})
        assert status == 401
        assert kit.key not in text
    assert kit.upstream.requests == []
    out = capfd.readouterr()
    assert kit.key not in out.out + out.err


@pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key", "x-auth-token"])
def test_line_03_another_header_is_no_way_in(kit: Any, header: str) -> None:
    port = kit.start()
    for method, path in ROUTES:
        assert ask(port, method, path, [(header, kit.key)])[0] == 401
        # And none of them widens what a weaker key may do.
        both = [("Authorization", f"Bearer {kit.read_only_key}"), (header, kit.key)]
        if method == "POST":
            assert ask(port, method, path, both)[0] == 403
    assert kit.upstream.requests == []


@pytest.mark.parametrize(
    "token",
    ["' OR 1=1 --", "'; DROP TABLE key; --", "x\u00ff\u00fe", "%00", "../../etc/passwd", "null",
     "tyr_live_" + "0" * 49, "tyr_live_" + "é" * 49, "tyr_live_" + "0" * 30_000, "{}", "*", "%",
     "tyr_live_" + "_" * 49, "undefined", "${jndi:ldap://127.0.0.1/a}"],
)  # fmt: skip
def test_line_06_whatever_stands_in_place_of_a_key_is_a_401_and_is_not_repeated(
    kit: Any, token: str
) -> None:
    status, _, text = ask(
        kit.start(), "POST", "/v1/chat/completions", [("Authorization", f"Bearer {token}")]
    )
    assert status == 401
    assert len(token) < 6 or token not in text
