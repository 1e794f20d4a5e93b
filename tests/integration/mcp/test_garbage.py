"""Garbage from either side: a reason, an exit code, and nothing that slips through."""

import asyncio
import json
import sys

import aiohttp
import psutil
import pytest
from tests.integration.mcp.conftest import Place, free_port
from tests.warm.program import PROGRAM, tyrian

CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}\n'
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'

ECHO = """
import json, sys
for line in sys.stdin:
    body = json.loads(line)
    open(sys.argv[1], "a").write(line)
    if "id" in body:
        print(json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": {}}), flush=True)
"""


async def proxied(
    place: Place, given: bytes, program: str = ECHO, *options: str, hangs_up: bool = True
) -> tuple[int, list[dict[str, object]], str, str]:
    """Exit code, messages to the client, what people were told, what reached the server."""
    seen = place.path / "seen"
    seen.write_text("")
    code, out, err = await place.run(
        "mcp", "proxy", "--stack", place.stack, *options, "--",
        sys.executable, "-c", program, str(seen), given=given, hangs_up=hangs_up,
    )  # fmt: skip
    return code, [json.loads(line) for line in out.splitlines()], err, seen.read_text()


async def test_a_client_that_hangs_up_ends_everything_with_0(place: Place) -> None:
    code, out, _, seen = await proxied(place, PING + b"\n  \n")
    assert code == 0
    assert out == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
    assert json.loads(seen)["method"] == "ping"


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"' + b"a" * 70_000 + b'"}\n',
    ],
    ids=["no JSON", "a key twice", "too long"],
)
async def test_garbage_of_the_client_ends_the_session_with_a_reason(
    place: Place, line: bytes
) -> None:
    code, out, err, seen = await proxied(place, line + CALL, ECHO, "--max-message", "65536")
    assert code == 3
    assert "ended: the client sent" in err
    assert out[-1]["error"]["code"] == -32700  # type: ignore[index]
    assert seen == ""


async def test_garbage_of_the_server_ends_the_session_and_answers_what_waits(place: Place) -> None:
    program = "input(); print('Listening...', flush=True); input()"
    code, out, err, _ = await proxied(place, PING, program, hangs_up=False)
    assert code == 3
    assert "ended: the server sent" in err
    assert out[0]["id"] == 1
    assert "Tyrian" in out[0]["error"]["message"]  # type: ignore[index]


async def test_a_server_that_ends_by_itself_is_told(place: Place) -> None:
    code, out, err, _ = await proxied(place, PING, "input(); raise SystemExit(5)", hangs_up=False)
    assert code == 3
    assert "exit code 5" in err
    assert "exit code 5" in out[0]["error"]["message"]  # type: ignore[index]


async def test_a_terminated_proxy_leaves_no_server_behind(place: Place) -> None:
    # A server that neither hears that its input has ended nor that it should end.
    program = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); input();"
        'print(\'{"jsonrpc":"2.0","id":1,"result":{"pid":%d}}\' % os.getpid(), flush=True);'
        "time.sleep(600)"
    )
    process = await asyncio.create_subprocess_exec(
        *tyrian(), "mcp", "proxy", "--stack", place.stack, "--", sys.executable, "-c", program,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(PING)
    server = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["result"]["pid"]
    assert psutil.pid_exists(server)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert not psutil.pid_exists(server)


async def test_a_command_that_is_not_there_is_an_error_of_use(place: Place) -> None:
    code, _, err = await place.run("mcp", "proxy", "--", "/no/such/program")
    assert code == 2
    assert "No such file" in err


async def test_neither_or_both_ways_to_a_server_is_an_error_of_use(place: Place) -> None:
    assert (await place.run("mcp", "proxy", "--name", "x"))[0] == 2
    assert (await place.run("mcp", "proxy", "--url", "http://127.0.0.1:1/mcp", "--", "x"))[0] == 2
    assert (await place.run("mcp", "proxy", "--url", "file:///etc/passwd"))[0] == 2


async def test_a_line_within_a_line_stays_one_message(place: Place) -> None:
    # A reader with universal newlines would take the middle for a message of its own.
    inner = b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"x"}}'
    line = b'{"jsonrpc":"2.0","method":"notifications/x","params":{"a":\r' + inner + b"\r}}\n"
    code, _, _, seen = await proxied(place, line)
    assert code == 0
    assert len(seen.splitlines()) == 1
    assert "\r" not in seen


async def test_unknown_methods_and_their_answers_pass_unchanged(place: Place) -> None:
    body = {
        "jsonrpc": "2.0",
        "id": "a",
        "method": "x-company/new",
        "params": {"deep": [1, 2.5, None, True, {"ä": "ö\u2028"}], "_meta": {"progressToken": 3}},
    }
    code, out, _, seen = await proxied(place, json.dumps(body).encode() + b"\n")
    assert code == 0
    assert json.loads(seen) == body
    assert out == [{"jsonrpc": "2.0", "id": "a", "result": {}}]


async def test_answers_that_nobody_waits_for_are_dropped(place: Place) -> None:
    program = (
        'input(); print(\'{"jsonrpc":"2.0","id":99,"result":{}}\', flush=True);'
        'print(\'{"jsonrpc":"2.0","id":1,"result":{}}\', flush=True); input()'
    )
    _, out, err, _ = await proxied(place, PING, program)
    assert [message["id"] for message in out] == [1]
    assert "nobody waits for it" in err


async def test_a_list_that_is_none_becomes_an_error(place: Place) -> None:
    program = (
        'input(); print(\'{"jsonrpc":"2.0","id":1,"result":{"Tools":[]}}\', flush=True)\n'
        "try: input()\nexcept EOFError: pass"
    )
    _, out, _, _ = await proxied(
        place, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n', program
    )
    assert "error" in out[0]


async def test_an_audit_that_cannot_be_written_lets_nothing_through(place: Place) -> None:
    stack = place.path / "stack.yaml"
    stack.write_text(stack.read_text().replace("./audit.jsonl", "/dev/full"))
    line = b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"notes://m"}}\n'
    _, out, _, seen = await proxied(place, line)
    assert "error" in out[0]
    assert seen == ""


async def test_http_refuses_strangers_garbage_and_unknown_sessions(place: Place) -> None:
    async with place.listening() as url, aiohttp.ClientSession() as client:

        async def status(data: bytes, **headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.post(url, data=data, headers=named) as response:
                return response.status

        assert await status(PING, Host="evil.example") == 403
        assert await status(PING, Origin="https://evil.example") == 403
        assert await status(PING, Origin="null") == 403
        assert await status(b"hello") == 400
        assert await status(PING, Mcp_Session_Id="guessed") == 404


async def test_http_tells_of_a_server_that_is_not_there(place: Place) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/mcp"
    async with (
        place.before(nobody) as url,
        aiohttp.ClientSession() as client,
        client.post(url, data=PING) as response,
    ):
        assert response.status == 502
        assert "cannot be reached" in (await response.json())["error"]["message"]


async def test_standard_streams_that_nobody_can_wait_for_are_told(place: Place) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "mcp", "proxy", "--stack", place.stack, "--", "cat",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, told = await process.communicate()
    assert process.returncode == 2
    assert b"no pipes" in told
    assert b"Traceback" not in told
