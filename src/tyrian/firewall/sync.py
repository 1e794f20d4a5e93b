"""A sync face for coroutines: one background event loop, also inside a running loop."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from tyrian.errors import TyrianError

T = TypeVar("T")


class BackgroundLoop:
    """An event loop in a daemon thread, started on first use, and again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine there and wait for its result."""
        loop = self._started()
        if loop is _running_loop():
            work.close()
            raise TyrianError(
                "the sync face was called from within its own event loop",
                hint="a detector or a callback that runs there must await the coroutine instead",
            )
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="tyrian-sync", daemon=True
                ).start()
            return self._loop


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


BACKGROUND = BackgroundLoop()
"""The one loop that all sync faces share; its thread starts with the first call."""
