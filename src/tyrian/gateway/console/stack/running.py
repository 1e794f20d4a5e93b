"""The stack that runs, and how another one takes its place, on every worker, while it runs.

The file is the source. Whoever applies a text builds all that it describes first, then replaces
the file and commits a stamp of it to the store, together with the audit entry. The others see that
the file has changed, and take it where the stamp is its own; what somebody writes into the file by
hand is not stamped, and waits for the next start.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, StoreError, TyrianError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.console.stack.file import ChangedMeanwhileError, StackFile, digest_of
from tyrian.gateway.generations import Generation, Generations
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.keys import Revision
from tyrian.stack.load import parse_stack
from tyrian.stack.schema import Stack

EVERY_S: Final = 0.5
"""Between two looks at the file."""

PATIENCE_S: Final = 30.0
"""How long the stamp of a changed file is waited for; it comes when its change is committed."""

STAMP: Final = "stack"

Build = Callable[[Stack, str], Generation]
"""Makes a gateway of a stack and its text; blocking, and in any thread."""

_log = logging.getLogger("tyrian.console")


@dataclass(frozen=True, slots=True)
class Applied:
    """What is written down of a change."""

    organisation_id: str
    actor: Actor
    kind: str
    """`stack.applied` or `stack.reverted`."""
    changes: Sequence[str]


class RunningStack:
    """The stack file of a gateway that runs."""

    def __init__(self, store: Store, file: StackFile, text: str) -> None:
        self.file = file
        self.text = text
        """What runs on this worker."""
        self.read_at = time.time()
        """When it was read, with the files that it names."""
        self._store = store
        self._applying = asyncio.Lock()
        self._generations: Generations | None = None
        self._build: Build | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def attach(self, generations: Generations, build: Build) -> None:
        """Have these generations follow the file, from their start to their end."""
        self._generations, self._build = generations, build
        generations.on_start = self._start
        generations.on_stop = self._stop

    def hindrance(self) -> str:
        """Why nothing can be applied; empty where it can."""
        if self._generations is None:
            return "this gateway cannot change while it runs"
        return self.file.hindrance()

    async def apply(self, text: str, expected: str, applied: Applied) -> None:
        """Put a text to use; ConfigError, InputError or StoreError where that cannot be.

        `expected` is the digest of the file as whoever asks has read it.
        """
        async with self._applying:
            if digest_of(await asyncio.to_thread(self.file.read)) != expected:
                raise ChangedMeanwhileError(
                    "the stack file was changed since this page was made", hint="load it again"
                )
            read_at = time.time()
            generation = await self._made(text)
            try:
                await self._commit(text, expected, applied)
            except BaseException:
                await generation.stop()
                raise
            self._take(generation, text, read_at)

    async def _commit(self, text: str, expected: str, applied: Applied) -> None:
        before = await asyncio.to_thread(self.file.read)
        is_replaced = False
        try:
            async with self._store.write() as session:
                # Whoever has stamped holds the row until the commit, so that one at a time writes.
                await _stamp(session, text)
                details: Mapping[str, Any] = {
                    "digest": digest_of(text),
                    "previous": expected,
                    "changes": list(applied.changes),
                }
                await audit.append(
                    session, applied.organisation_id, applied.kind, applied.actor, details
                )
                await asyncio.to_thread(self.file.replace, text, expected)
                is_replaced = True
        except BaseException:
            if is_replaced:  # the commit failed: nobody else will take it, so it must not stand
                with suppress(TyrianError):
                    await asyncio.to_thread(self.file.replace, before, digest_of(text))
            raise

    async def _made(self, text: str) -> Generation:
        """What a text describes, started and warm."""
        if self._build is None:
            raise ConfigError("this gateway cannot change while it runs")
        generation = await asyncio.to_thread(self._built, self._build, text)
        await generation.start()
        return generation

    def _built(self, build: Build, text: str) -> Generation:
        base = self.file.path.absolute().parent
        return build(parse_stack(text, base=base, file=str(self.file.path)), text)

    def _take(self, generation: Generation, text: str, read_at: float) -> None:
        if self._generations is not None:
            self._generations.replace(generation)
        self.text, self.read_at = text, read_at

    def _start(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _stop(self) -> None:
        self._stopping.set()
        if self._watching is not None:
            await asyncio.wait([self._watching])

    async def _watch(self) -> None:
        seen: object = None
        changed_at = 0.0
        while not self._stopping.is_set():
            now = self._look()
            if now != seen and now is not None:
                changed_at = changed_at or time.monotonic()
                is_late = time.monotonic() - changed_at > PATIENCE_S
                if await self._follow() or is_late:
                    seen, changed_at = now, 0.0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), EVERY_S)

    def _look(self) -> object:
        """Something that is another one when the file is."""
        try:
            found = os.stat(self.file.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    async def _follow(self) -> bool:
        """Take what the file holds now, if it is stamped; True where nothing is left to do."""
        try:
            async with self._applying:
                text = await asyncio.to_thread(self.file.read)
                if text == self.text:
                    return True
                async with self._store.read() as session:
                    if await _stamped(session) != _number(text):
                        return False
                read_at = time.time()
                self._take(await self._made(text), text, read_at)
        except StoreError:
            return False
        except TyrianError as error:
            _log.error("the changed stack could not be put to use: %s", type(error).__name__)
        else:
            _log.info("a changed stack is in use")
        return True


async def _stamp(session: AsyncSession, text: str) -> None:
    await session.execute(
        sql("INSERT INTO revision (name, number) VALUES (:name, 0) ON CONFLICT DO NOTHING"),
        {"name": STAMP},
    )
    await session.execute(
        sql("UPDATE revision SET number = :number WHERE name = :name"),
        {"name": STAMP, "number": _number(text)},
    )


async def _stamped(session: AsyncSession) -> int:
    found = await session.get(Revision, STAMP)
    return found.number if found is not None else 0


def _number(text: str) -> int:
    """A number that stands for a text, and fits the column."""
    return int(digest_of(text)[:8], 16) & 0x7FFFFFFF
