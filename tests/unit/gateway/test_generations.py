"""One application after another: nothing is cut, and each ends when its last request has."""

import asyncio
from typing import Any

import pytest

from tyrian.gateway.generations import Generation, Generations, NotStartedError


class App:
    """An application that notes what happens to it."""

    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[str] = []
        self.may_end = asyncio.Event()
        self.fails = fails

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            if self.fails:
                raise RuntimeError("no")
            self.seen.append("started")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.seen.append("ended")
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.seen.append(scope["path"])
        await self.may_end.wait()

    async def close(self) -> None:
        self.seen.append("closed")


class Server:
    """The server's side of a lifespan."""

    def __init__(self, app: Any) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(app({"type": "lifespan"}, self.told.get, self.answers.put))

    async def say(self, event: str) -> str:
        await self.told.put({"type": event})
        return str((await self.answers.get())["type"])


async def ask(app: Any, path: str) -> None:
    await app({"type": "http", "path": path}, None, None)


async def test_a_request_ends_on_the_one_that_it_began_on() -> None:
    old, new = App(), App()
    generations = Generations(Generation(old, old.close))
    ended: list[str] = []
    generations.on_ended = lambda: ended.append("ended")
    server = Server(generations)
    assert await server.say("lifespan.startup") == "lifespan.startup.complete"
    running = asyncio.create_task(ask(generations, "/first"))
    await asyncio.sleep(0)
    following = Generation(new, new.close)
    await following.start()
    generations.replace(following)
    second = asyncio.create_task(ask(generations, "/second"))
    await asyncio.sleep(0.01)
    assert old.seen == ["started", "/first"]
    assert new.seen == ["started", "/second"]
    old.may_end.set()
    await running
    await asyncio.sleep(0.01)
    assert old.seen == ["started", "/first", "ended", "closed"]
    assert ended == ["ended"]
    new.may_end.set()
    await second
    assert await server.say("lifespan.shutdown") == "lifespan.shutdown.complete"
    assert new.seen[-2:] == ["ended", "closed"]
    await server.task


async def test_what_cannot_start_is_told_and_closed() -> None:
    app = App(fails=True)
    with pytest.raises(NotStartedError) as caught:
        await Generation(app, app.close).start()
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert app.seen == ["closed"]


async def test_a_server_hears_of_a_first_one_that_cannot_start() -> None:
    app = App(fails=True)
    server = Server(Generations(Generation(app)))
    await server.told.put({"type": "lifespan.startup"})
    with pytest.raises(NotStartedError):
        await server.task


async def test_one_that_failed_in_a_request_is_still_idle_after_it() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError

    generation = Generation(broken)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the application raises comes through
        await generation.serve({"type": "http"}, None, None)  # type: ignore[arg-type]
    await asyncio.wait_for(generation.drained(), 1)
