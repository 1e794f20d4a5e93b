"""The first start, later starts, and starts that cannot be."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.warm.program import PROGRAM, tyrian

from tyrian.gateway.tokens import TOKEN_PATTERN, is_well_formed

Start = Callable[..., Any]


def ask(url: str, token: str, text: str = "Hello") -> int:
    body = {"model": "tyrian-scripted", "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def token_of(line: str) -> str:
    found = TOKEN_PATTERN.search(line)
    assert found
    return found.group()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_curl_line_is_answered_as_it_stands(start: Start) -> None:
    served = start()
    done = subprocess.run(served.curl, shell=True, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert "built-in scripted model" in answer["choices"][0]["message"]["content"]


def test_the_key_is_shown_at_the_first_start_only_and_outlives_a_kill(start: Start) -> None:
    first = start(program=[PROGRAM])
    token = token_of(first.curl)
    assert is_well_formed(token)
    assert ask(first.url, token) == 200
    first.stop(signal.SIGKILL)
    second = start()
    assert not second.curl
    assert TOKEN_PATTERN.search("\n".join(second.output)) is None
    assert any("tyrian keys create" in line for line in second.output)
    assert ask(second.url, token) == 200


def test_no_key_and_no_prompt_reach_the_log(start: Start) -> None:
    served = start()
    token = token_of(served.curl)
    ask(served.url, token, "a sentence that nobody else would write")
    assert ask(served.url, token[:-1] + "-") == 401
    assert served.stop() == 0
    log = "\n".join(served.log)
    assert token[12:] not in log
    assert "nobody else would write" not in log
    requests = [json.loads(line) for line in served.log if '"event": "request"' in line]
    assert sorted(request["status"] for request in requests) == [200, 401]


def test_a_signal_ends_it_cleanly(start: Start) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        assert start().stop(number) == 0


def test_a_revoked_key_is_refused_by_the_running_gateway(start: Start, tmp_path: Path) -> None:
    served = start()
    token = token_of(served.curl)
    assert ask(served.url, token) == 200
    env = {**os.environ, "TYRIAN_HOME": str(tmp_path / "home")}
    listing = subprocess.run(
        [*tyrian(), "keys", "list", "--format", "json"], env=env, capture_output=True, check=True
    )
    key_id = json.loads(listing.stdout)[0]["id"]
    # The command takes longer to start than any cache may remember the key.
    subprocess.run([PROGRAM, "keys", "revoke", key_id], env=env, capture_output=True, check=True)
    subprocess.run([PROGRAM, "keys", "list"], env=env, capture_output=True, check=True)
    assert ask(served.url, token) == 401


def test_the_state_is_for_its_owner_alone(start: Start, tmp_path: Path) -> None:
    start()
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in home.iterdir()} == {0}


def refused(tmp_path: Path, *arguments: str, **env: str) -> str:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("TYRIAN_")}
    done = subprocess.run(
        [*tyrian(), "serve", *arguments],
        env={**plain, "TYRIAN_HOME": str(tmp_path / "home"), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        told = refused(tmp_path, "--port", port)
    assert f"port {port}" in told
    assert "--port 0" in told


def test_settings_of_the_environment_count(tmp_path: Path) -> None:
    assert "nowhere.yaml" in refused(tmp_path, TYRIAN_STACK=str(tmp_path / "nowhere.yaml"))


def test_a_fault_in_the_stack_is_told_with_its_place(tmp_path: Path) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text("agent:\n  preflight_gards: []\n")
    told = refused(tmp_path, "--port", "0", "--stack", str(stack))
    assert "stack.yaml:2:" in told
    assert "preflight_guards" in told


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://host/v1", "http://", "http://u:hunter2@host/v1", "http://[::1"]
)
def test_an_upstream_url_of_no_use_is_refused_without_its_password(
    tmp_path: Path, url: str
) -> None:
    told = refused(tmp_path, "--port", "0", "--upstream", url)
    assert "upstream" in told
    assert "hint:" in told
    assert "hunter2" not in told


def test_a_data_directory_of_no_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refused(tmp_path, "--port", "0", "--data", str(tmp_path / "file" / "home"))
    assert "cannot be used" in told
    assert "--data" in told


def test_a_host_that_is_not_here_is_refused(tmp_path: Path) -> None:
    assert "cannot listen" in refused(tmp_path, "--port", "0", "--host", "192.0.2.1")


def test_a_missing_key_of_the_upstream_is_named(tmp_path: Path) -> None:
    told = refused(
        tmp_path, "--port", "0", "--upstream", "http://127.0.0.1:9/v1",
        "--upstream-key-env", "NO_SUCH_VARIABLE",
    )  # fmt: skip
    assert "NO_SUCH_VARIABLE" in told
