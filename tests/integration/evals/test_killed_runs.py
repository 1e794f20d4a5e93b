"""A run that is killed at random ends with the files of one that was left alone."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import web

KILLS = 10
FILES = ("results.jsonl", "summary.json", "manifest.json")


@asynccontextmanager
async def slow_server(pause_s: float) -> AsyncIterator[str]:
    """Answers each question with its own words, after a pause; counts nothing, forgets all."""

    async def answer(request: web.Request) -> web.Response:
        body = msgspec.json.decode(await request.read())
        await asyncio.sleep(pause_s)
        said = body["messages"][-1]["content"]
        reply = (
            '{"evidence": "none", "answer": "no"}' if "<answer>" in said else f"You said: {said}"
        )
        return web.json_response(
            {
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": reply},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            }
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


def command(url: str, output: Path) -> list[str]:
    return [
        *(sys.executable, "-c", "from tyrian.cli.main import main; main()"),
        *("eval", "run", "prompt-injection", "--sample"),
        *("--model", f"openai/parrot@{url}", "--judge", f"openai/parrot@{url}"),
        *("--passes", "4", "--at-once", "4", "--output", str(output)),
    ]


async def test_a_run_killed_ten_times_ends_with_the_same_files(tmp_path: Path) -> None:
    pick = random.Random(7)
    async with slow_server(0.05) as url:
        alone = await asyncio.create_subprocess_exec(
            *command(url, tmp_path / "alone"), stdout=subprocess.DEVNULL
        )
        assert await alone.wait() == 0
        killed = 0
        while killed < KILLS:
            before = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *command(url, tmp_path / "killed"), stdout=subprocess.DEVNULL
            )
            log = tmp_path / "killed" / "prompt-injection" / "parrot" / "log.jsonl"
            while process.returncode is None and not log.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await asyncio.sleep(pick.uniform(0.0, 0.12))
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
            killed += 1
            assert time.monotonic() - before < 60
        last = await asyncio.create_subprocess_exec(
            *command(url, tmp_path / "killed"), stdout=subprocess.DEVNULL
        )
        assert await last.wait() == 0
    for name in FILES:
        whole = (tmp_path / "alone" / "prompt-injection" / "parrot" / name).read_bytes()
        assert (tmp_path / "killed" / "prompt-injection" / "parrot" / name).read_bytes() == whole


async def test_a_torn_line_is_done_again_and_nothing_else(tmp_path: Path) -> None:
    async with slow_server(0.0) as url:
        first = await asyncio.create_subprocess_exec(
            *command(url, tmp_path), stdout=subprocess.DEVNULL
        )
        assert await first.wait() == 0
        log = tmp_path / "prompt-injection" / "parrot" / "log.jsonl"
        lines = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[:-1]) + lines[-1][:37])
        again = await asyncio.create_subprocess_exec(
            *command(url, tmp_path), stdout=subprocess.DEVNULL
        )
        assert await again.wait() == 0
    found = log.read_bytes().splitlines(keepends=True)
    assert found[:-1] == lines[:-1]
    assert len(found) == len(lines)
