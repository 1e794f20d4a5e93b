"""Real servers of the official SDK, the proxy as its users start it, and real clients."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from tests.warm.program import script, tyrian

SERVER = str(Path(__file__).with_name("server.py"))

POLICY = """
version: 1
default: deny
cwd: /workspace
tools:
  read_file: {path: fs:read}
  add: {a: opaque, b: opaque}
  fetch_page: {name: opaque}
  wait: {seconds: opaque, note: opaque}
  ask_person: {}
  ask_model: {}
  die: {}
  resources/read: {uri: notes}
fs: {read: ["/workspace/**"]}
kinds: {notes: {pattern: "notes://.*"}}
limits: {calls_per_trace: {add: 40}}
"""
STACK = """
agent:
  tool_output_guards:
    - {name: hidden_text}
    - {name: prompt_guard, block_classes: [injection, jailbreak]}
    - {name: secrets, redact_classes: ["*"]}
  document_guards:
    - {name: hidden_text}
    - {name: prompt_guard, block_classes: [injection, jailbreak]}
    - {name: secrets, redact_classes: ["*"]}
  postflight_guards:
    - {name: secrets, redact_classes: ["*"]}
  policy_runtime: {framework: tyrian, config: ./policy.yaml}
audit: {path: ./audit.jsonl}
"""


@dataclass
class Place:
    """A directory with a stack, and whatever is started in it."""

    path: Path
    log: TextIO
    mode: str = "auto"
    """How clients greet: `auto` speaks the newest protocol, `legacy` shakes hands."""
    callbacks: dict[str, Any] = field(default_factory=dict)

    @property
    def stack(self) -> str:
        return str(self.path / "stack.yaml")

    @property
    def _proxy(self) -> list[str]:
        return ["mcp", "proxy", "--stack", self.stack, "--name", "files"]

    @property
    def said(self) -> str:
        """What the proxy said to people."""
        self.log.flush()
        return (self.path / "log").read_text()

    @property
    def audited(self) -> list[dict[str, Any]]:
        """The records of decisions."""
        lines = (self.path / "audit.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def rules(self) -> set[str]:
        """All rules that a record names."""
        return {rule for record in self.audited for rule in record["rules"]}

    @asynccontextmanager
    async def stdio(self, kind: str = "honest", *options: str) -> AsyncIterator[Client]:
        """A client that started the proxy, which started the server."""
        program, *args = [*tyrian(), *self._proxy, *options]
        parameters = StdioServerParameters(
            command=program, args=[*args, "--", *script(SERVER), kind]
        )
        transport = stdio_client(parameters, errlog=self.log)
        async with Client(transport, mode=self.mode, **self.callbacks) as client:
            yield client

    @asynccontextmanager
    async def http(self, kind: str = "honest", *options: str) -> AsyncIterator[Client]:
        """A client, the proxy and a server that speak HTTP on loopback."""
        async with (
            self.listening(kind, *options) as url,
            Client(url, mode=self.mode, **self.callbacks) as client,
        ):
            yield client

    @asynccontextmanager
    async def listening(self, kind: str = "honest", *options: str) -> AsyncIterator[str]:
        """A server over HTTP and the proxy before it; the proxy's URL."""
        port = free_port()
        server = await self._start([*script(SERVER), kind, str(port)], port)
        try:
            async with self.before(f"http://127.0.0.1:{port}/mcp", *options) as url:
                yield url
        finally:
            await _end(server)

    @asynccontextmanager
    async def before(self, server: str, *options: str) -> AsyncIterator[str]:
        """The proxy before a URL; its own."""
        port = free_port()
        args = [*tyrian(), *self._proxy, *options]
        proxy = await self._start([*args, "--url", server, "--port", str(port)], port)
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            await _end(proxy)

    async def run(
        self, *args: str, given: bytes = b"", hangs_up: bool = True
    ) -> tuple[int, str, str]:
        """Run the command line to its end: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *tyrian(), *args, cwd=self.path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(given)
        if hangs_up:
            process.stdin.close()
        async with asyncio.timeout(60):
            out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
            await process.wait()
        process.stdin.close()
        return process.returncode or 0, out.decode(), err.decode()

    async def _start(self, command: Sequence[str], port: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, self.said
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return process
        raise AssertionError(f"nothing listens on {port}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place with the usual stack and policy."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "stack.yaml").write_text(STACK)
    with (tmp_path / "log").open("w") as log:
        yield Place(tmp_path, log)


Connect = Callable[..., AbstractAsyncContextManager[Client]]
ALL = [(way, mode) for way in ("stdio", "http") for mode in ("legacy", "auto")]


@pytest.fixture(params=[ALL[0], ALL[3]], ids="-".join)
def connect(request: pytest.FixtureRequest, place: Place) -> Connect:
    """A client behind the proxy, over both transports; both generations of the protocol."""
    way, place.mode = request.param
    return place.stdio if way == "stdio" else place.http
