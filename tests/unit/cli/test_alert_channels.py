"""What the stack file names to tell of spend alerts by."""

from pathlib import Path
from typing import Any

import pytest

from tyrian.cli.gateway_parts import Options, parts_of
from tyrian.errors import ConfigError, StackError
from tyrian.gateway.store.engine import Store
from tyrian.stack.load import parse_stack

GUARDS = "agent: {preflight_guards: [{name: hidden_text}]}\n"
MAIL = "spend_alerts: {mail: {host: smtp.example, sender: t@x.example"


def parts(tmp_path: Path, text: str) -> Any:
    stack = parse_stack(GUARDS + text, base=tmp_path, file="stack.yaml")
    store = Store.open(tmp_path / "tyrian.db")
    return parts_of(stack, Options(is_guarded=False), store, tmp_path).alert_channels


def test_nothing_is_told_by_ways_that_nobody_named(tmp_path: Path) -> None:
    found = parts(tmp_path, "")
    assert (found.mailer, found.webhook) == (None, None)


def test_a_mail_server_and_a_webhook_are_used_with_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "pass word")
    text = MAIL + ", username: t, password_env: SMTP_PASSWORD}, webhook: 'https://x.example/'}\n"
    found = parts(tmp_path, text)
    assert (found.mailer.port, found.mailer.security) == (587, "starttls")
    assert found.mailer.password == "pass word"
    assert "pass word" not in repr(found)
    assert found.webhook is not None


def test_a_secret_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    text = MAIL + ", username: t, password_env: NO_SUCH_VARIABLE}}\n"
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE is not set"):
        parts(tmp_path, text)


@pytest.mark.parametrize(
    "more",
    [
        ", username: t, password_env: X, security: none",
        ", username: t",
        ", password_env: X",
        ", port: 0",
        ", port: 70000",
        ", security: off",
    ],
)
def test_a_mail_server_that_would_get_a_password_in_the_clear_is_refused(
    tmp_path: Path, more: str
) -> None:
    with pytest.raises(StackError):
        parts(tmp_path, MAIL + more + "}}\n")


@pytest.mark.parametrize("sender", ["nobody", "a@b, c@d", "'<a@b>'"])
def test_a_sender_is_one_address(tmp_path: Path, sender: str) -> None:
    with pytest.raises(StackError):
        parts(tmp_path, f"spend_alerts: {{mail: {{host: x, sender: {sender}}}}}\n")
