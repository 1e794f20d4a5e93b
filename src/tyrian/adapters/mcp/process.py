"""A server that is a program of its own, spoken to through its standard streams."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from tyrian.adapters.mcp.frame import BadFrameError, Frame, read_frame
from tyrian.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
"""The longest message, unless said otherwise."""
GRACE_S = 3.0
"""How long a server may take to end by itself once nobody speaks to it."""


class Server:
    """A running server; ends with its whole process group."""

    def __init__(self, process: asyncio.subprocess.Process, max_bytes: int) -> None:
        self._process = process
        self._max_bytes = max_bytes
        self._sending = asyncio.Lock()

    @classmethod
    async def start(cls, command: Sequence[str], *, max_bytes: int = MAX_BYTES) -> "Server":
        """Start a server; ConfigError where there is no such program."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=max_bytes,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or "it cannot be started"
            raise ConfigError(
                f"{command[0]}: {told}", hint="everything after -- is the server's command"
            ) from None
        return cls(process, max_bytes)

    async def send(self, frame: Frame) -> None:
        """Write one message; nothing happens where the server reads no more."""
        stream = self._process.stdin
        if stream is None:
            return
        async with self._sending:
            with contextlib.suppress(ConnectionError):
                stream.write(frame.encode() + b"\n")
                await stream.drain()

    async def receive(self) -> Frame | None:
        """The next message; None at the end. BadFrameError for anything else."""
        if self._process.stdout is None:
            return None
        return await next_frame(self._process.stdout, "the server")

    def hang_up(self) -> None:
        """Tell the server that nothing more comes."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self, grace_s: float = GRACE_S) -> int:
        """End the server, by force where it does not end by itself; its exit code."""
        self.hang_up()
        for number in (0, signal.SIGTERM, signal.SIGKILL):
            if number:
                self._signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
                break
        self._signal(signal.SIGKILL)  # what it started may have outlived it
        return await self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


async def next_frame(stream: asyncio.StreamReader, side: str) -> Frame | None:
    """The next message of a stream of lines; None at its end, BadFrameError for garbage."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            raise BadFrameError(f"{side} sent a line that is longer than allowed") from None
        except ConnectionError:
            return None
        if not line:
            return None
        if line.strip():
            try:
                return read_frame(line)
            except BadFrameError as bad:
                raise BadFrameError(f"{side} sent what is {bad.message}") from None
