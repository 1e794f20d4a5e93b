"""A real gateway process and a model server for it to stand in front of."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from tests.warm.program import PROGRAM, tyrian

_TOKEN = re.compile(r"\btyr_[a-z]+_[0-9A-Za-z]{49}\b")
_START_LIMIT_S = 60.0


@dataclass
class GatewayProcess:
    """`tyrian serve` as its users start it, with a home of its own."""

    home: Path
    upstream_port: int
    port: int = 0
    token: str = ""
    process: psutil.Process = field(init=False)
    _child: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment that the command line needs to see the same home."""
        return {**os.environ, "TYRIAN_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200"}

    @property
    def audit(self) -> Path:
        """Its audit log."""
        return self.home / "audit.jsonl"

    def start(self) -> None:
        """Start it and wait until it is ready; the first start notes the key that it shows."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        log = self.home.parent / f"{self.home.name}.log"
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                [
                    PROGRAM, "serve", "--port", str(self.port),
                    "--upstream", f"http://127.0.0.1:{self.upstream_port}/v1",
                ],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=self.env,
            )  # fmt: skip
        self.process = psutil.Process(self._child.pid)
        self._wait_until(self._is_ready, log)
        if not self.token:
            self._wait_until(lambda: _TOKEN.search(log.read_text()) is not None, log)
            self.token = _TOKEN.findall(log.read_text())[0]

    def _wait_until(self, is_so: Callable[[], bool], log: Path) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while not is_so():
            assert self._child is not None
            assert self._child.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        with suppress(OSError):
            return bool(self.get("/readyz"))
        return False

    def get(self, path: str) -> str:
        """The body of a page of the gateway."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as reply:
            body: bytes = reply.read()
        return body.decode()

    def kill(self) -> None:
        """`kill -9`, in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a service manager does, by force if it does not listen."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._child is None:
            return
        self._child.send_signal(how)
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None

    def keys(self, *arguments: str) -> str:
        """What `tyrian keys ...` prints."""
        command = [*tyrian(), "keys", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=self.env)
        return done.stdout


@dataclass
class SlowModel:
    """A model server whose streams end only after `lines` lines, `pause_s` apart.

    Every line names the number in the prompt's last word, so that a client sees whose it is.
    """

    pause_s: float = 0.05
    lines: int = 400
    port: int = 0
    open_now: int = 0
    served: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it ends."""
        self.open_now += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_now -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b"{}"
        asked = json.loads(body or b"{}")
        self.served += 1
        if not asked.get("stream"):
            _send_whole(writer)
            await writer.drain()
            return True
        await self._stream(writer, asked["messages"][-1]["content"].split()[-1])
        return False

    async def _stream(self, writer: asyncio.StreamWriter, number: str) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        writer.write(head + _event(number, {"role": "assistant", "content": ""}))
        for line in range(self.lines):
            text = f"line {line} of stream <{number}> tells of boats in the morning light. "
            writer.write(_event(number, {"content": text}))
            await writer.drain()
            await asyncio.sleep(self.pause_s)
        writer.write(_event(number, {}, "stop") + b"data: [DONE]\n\n")
        await writer.drain()


def _event(number: str, delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1,
             "model": "slow", "choices": [choice]}  # fmt: skip
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _send_whole(writer: asyncio.StreamWriter) -> None:
    message = {"role": "assistant", "content": "The boats came home."}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "slow",
              "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
              "data": []}  # fmt: skip
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)


@pytest.fixture
async def slow_model() -> AsyncIterator[SlowModel]:
    """A running SlowModel."""
    model = SlowModel()
    server = await asyncio.start_server(model.handle, "127.0.0.1", 0, backlog=1024)
    model.port = server.sockets[0].getsockname()[1]
    yield model
    server.close()


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[[int], GatewayProcess]]:
    """A function that starts a gateway in front of a port; all are ended afterwards."""
    started: list[GatewayProcess] = []

    def start(upstream_port: int) -> GatewayProcess:
        gateway = GatewayProcess(tmp_path / f"home-{len(started)}", upstream_port)
        gateway.home.mkdir(mode=0o700)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()
