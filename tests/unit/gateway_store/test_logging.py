"""Logs hold one line per event, no secrets, no tricks."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tyrian.gateway.context import RequestContext
from tyrian.gateway.logging import HIDDEN, LogFormat, access_log, configure, hide_secrets
from tyrian.gateway.tokens import KeyKind, mint

TRICKS = 'a\r\nFAKE level=info \x1b[31mred\x1b[0m \u202eltr\u200b {"x": 1}\u2028 end'


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(log_format: LogFormat) -> tuple[io.StringIO, structlog.stdlib.BoundLogger]:
    out = io.StringIO()
    configure(log_format, stream=out)
    return out, structlog.get_logger("test")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_token_reaches_the_log_by_any_way(log_format: LogFormat) -> None:
    token = mint(KeyKind.LIVE)
    out, log = lines(log_format)
    log.info(f"made {token}", value=token, deep={"list": [{token: (token, {token})}]})
    log.info("header", headers={"authorization": f"Bearer {token}"})
    logging.getLogger("other").warning("stdlib %s", token)
    try:
        raise ValueError(token)
    except ValueError:
        log.exception("failed")
        logging.getLogger("other").exception("failed too")
    assert token[12:30] not in out.getvalue()
    assert HIDDEN in out.getvalue()
    assert "ValueError" in out.getvalue()
    assert "Traceback" not in out.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_one_event_is_one_escaped_line(log_format: LogFormat) -> None:
    out, log = lines(log_format)
    log.info(TRICKS, value=TRICKS)
    logging.getLogger("other").warning(TRICKS)
    written = out.getvalue()
    assert len(written.splitlines()) == 2
    assert not {"\x1b", "\r", "\u202e", "\u200b", "\u2028"} & set(written)


def test_json_lines_are_json() -> None:
    out, log = lines("json")
    log.info("hello", count=3)
    event = json.loads(out.getvalue())
    assert event["event"] == "hello"
    assert event["count"] == 3
    assert event["level"] == "info"
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "secret",
    [
        mint(KeyKind.ADMIN),
        "tyr_live_cutoffinthemiddle",
        "Bearer abcdefghijk",
        "sk-proj-abcdefghijklmnop",
        "LLM|1234567|abc_DEF-ghi",
        "hf_" + "a" * 34,
        "AKIA" + "A" * 16,
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln",
    ],
    ids=lambda secret: secret[:4],
)
def test_credentials_are_hidden(secret: str) -> None:
    assert hide_secrets(f"before {secret} after") == f"before {HIDDEN} after"


def test_a_password_in_a_url_is_hidden() -> None:
    assert hide_secrets("postgresql://u:pw@db/x") == f"postgresql://{HIDDEN}@db/x"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_request_line_tells_what_and_how_long(log_format: LogFormat) -> None:
    out, _ = lines(log_format)
    token = mint(KeyKind.LIVE)
    context = RequestContext()
    context.route, context.status, context.key_id = "/v1/chat/completions", 200, "key_1"
    context.effect, context.model = "block", f"model\u202e{token}"
    access_log(log_format, stream=out)(context)
    written = out.getvalue()
    assert all(word in written for word in ("/v1/chat/completions", "200", "key_1", "block"))
    assert token[12:30] not in written
    assert "\u202e" not in written
    if log_format == "json":
        event = json.loads(written)
        assert (event["event"], event["status"]) == ("request", 200)
        assert "upstream_ms" not in event
