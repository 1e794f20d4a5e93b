"""Signals to `tyrian run`, passed on to the command inside.

A driver's own process is not the command's parent, and may end on a signal instead of passing it
on. So the supervisor connects to a socket, and each byte on it is the number of a signal.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)


class Signals:
    """The signals of one run; those that come before the supervisor is there wait for it."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._waiting = bytearray()
        self._server: asyncio.Server | None = None

    @classmethod
    async def passed_on(cls, path: Path) -> "Signals":
        """Take this process's signals, and serve the supervisor at a path."""
        found = cls()
        found._server = await asyncio.start_unix_server(found._connected, path)
        os.chmod(path, 0o666)  # noqa: S103  in a container the command may be another user
        loop = asyncio.get_running_loop()
        for number in PASSED_ON:
            loop.add_signal_handler(number, found.send, number)
        return found

    @property
    def has_supervisor(self) -> bool:
        """Whether the supervisor has ever been there; it connects before it starts the command."""
        return self._writer is not None

    def send(self, number: int) -> None:
        """Tell the command of a signal."""
        self._waiting.append(number)
        self._flush()

    def close(self) -> None:
        """Let the supervisor go."""
        loop = asyncio.get_running_loop()
        for number in PASSED_ON:
            loop.remove_signal_handler(number)
        if self._writer:
            self._writer.close()
        if self._server:
            self._server.close()

    def _connected(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The first that connects is the supervisor: the command does not run before."""
        if self._writer:
            writer.close()
            return
        self._writer = writer
        self._flush()

    def _flush(self) -> None:
        if self._writer and self._waiting:
            with suppress(OSError):
                self._writer.write(bytes(self._waiting))
            self._waiting.clear()
