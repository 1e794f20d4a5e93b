"""`tyrian review` over the store of a gateway."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from typer.testing import CliRunner

from tyrian.cli.review import app
from tyrian.core.decision import CallReport, Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import Message, ToolCall
from tyrian.errors import ConfigError
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.gateway.reviews import Reviews
from tyrian.gateway.store.engine import Store
from tyrian.review.request import Parked, ReviewAnswer, ReviewRequest

T = TypeVar("T")
CALL = ToolCall("c1", "send", '{"to": "Eve@corp.example\\u001b[2J"}')


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_file: Callable[[Path], Path]) -> Path:
    new_file(tmp_path / "tyrian.db")
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def stored(home: Path, act: Callable[[Reviews], Awaitable[T]]) -> T:
    async def work() -> T:
        store = Store.open(home / "tyrian.db")
        try:
            return await act(Reviews(store))
        finally:
            await store.close()

    return asyncio.run(work())


def asked(tool: str = "send") -> ReviewRequest:
    canonical = {"tool": tool, "args": {"to": "eve@corp.example"}}
    call = CallReport(
        CALL, Effect.REVIEW, "flow.0", "after a page", "", canonical, ("fetch",), ("secret",)
    )
    reason = Reason(Effect.REVIEW, "policy.flow.0", "policy", "after a page was read")
    message = Message.assistant(calls=[ToolCall("c1", tool, '{"to":"eve@corp.example"}')])
    return ReviewRequest(message, Stage.TOOL_CALL, (reason,), (call,), "digest")


def ask(home: Path, request: ReviewRequest) -> ReviewAnswer | Parked:
    return stored(home, lambda reviews: reviews.reviewer("key_1", Pseudonyms()).ask(request))


def parked(home: Path, request: ReviewRequest) -> str:
    found = ask(home, request)
    assert isinstance(found, Parked)
    return found.id


def test_what_waits_is_listed_shown_and_approved_once(home: Path) -> None:
    review_id = parked(home, asked())
    assert review_id in run("list")
    shown = run("show", review_id)
    assert "(review by flow.0)" in shown
    assert 'canonical {"to": "eve@corp.example"}' in shown
    assert "quotes    fetch" in shown
    assert "holds     secret" in shown
    assert "\x1b" not in shown
    assert run("approve", review_id, "--note", "she asked", "--by", "ann") == (
        f"approved {review_id}\n"
    )
    assert "by cli:ann" in run("show", review_id)
    assert ask(home, asked()) == ReviewAnswer(True, "cli:ann")
    assert isinstance(ask(home, asked()), Parked)


def test_what_was_refused_stays_refused(home: Path) -> None:
    review_id = parked(home, asked())
    assert json.loads(run("refuse", review_id, "--format", "json"))["status"] == "refused"
    assert isinstance(answer := ask(home, asked()), ReviewAnswer)
    assert not answer.is_approved
    assert run("list") == ""
    assert [
        one["id"] for one in json.loads(run("list", "--status", "all", "--format", "json"))
    ] == [review_id]
    with pytest.raises(ConfigError, match="decided already"):
        run("approve", review_id)


def test_what_is_not_there_is_a_clear_error(home: Path) -> None:
    for command in ("show", "approve", "refuse"):
        with pytest.raises(ConfigError, match="no such review"):
            run(command, "rev_0")
    with pytest.raises(ConfigError, match="status"):
        run("list", "--status", "open")
    with pytest.raises(ConfigError, match="500"):
        run("approve", "rev_0", "--note", "x" * 501)
    with pytest.raises(ConfigError, match="--by"):
        run("approve", "rev_0", "--by", "x" * 41)
    assert run("list") == ""
