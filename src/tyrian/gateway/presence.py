"""Notices that a client has gone, and ends the work done for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tyrian.gateway.body import ClientGoneError
from tyrian.gateway.context import Receive


@asynccontextmanager
async def while_client_stays(receive: Receive) -> AsyncIterator[None]:
    """Cancels what runs inside once the client is gone, and raises ClientGoneError then.

    Enter only after the request body has been read.
    """
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("called outside a task")
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if is_gone and task.uncancel() == 0:
            raise ClientGoneError from None
        raise
    finally:
        watcher.cancel()
