"""A changed stack: whether it holds together, what it would change, and putting it to use."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError, StackError, StoreError, TyrianError
from tyrian.gateway.console.pages import FRESH_S, Console, actor, form_of, need, told
from tyrian.gateway.console.stack.bounds import bound_faults, files_named
from tyrian.gateway.console.stack.changes import Change, Weight, changes, is_weaker
from tyrian.gateway.console.stack.file import ChangedMeanwhileError, digest_of
from tyrian.gateway.console.stack.running import Applied, RunningStack
from tyrian.gateway.console.views.stack import APPLY, MAX_TEXT, READ, by_stage, may_apply
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError
from tyrian.stack.explain import Explanation, explain
from tyrian.stack.load import stack_faults
from tyrian.stack.schema import Stack

MAX_LINES = 2_000
"""Of both texts together, where they are compared line by line."""

MAX_NOTED = 20
"""Changes that the audit entry names."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text, and where; line 0 where it is not the text."""

    line: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the comparison of two texts."""

    kind: str
    """`new`, `gone`, `place`, or nothing for one that stays."""
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to say of a text."""

    faults: Sequence[Fault] = ()
    found: Explanation | None = None
    """What it does; None where it is no stack, or nobody has asked."""
    changes: Sequence[Change] = ()
    lines: Sequence[Line] = ()


def routes(console: Console) -> list[Route]:
    """`/stack/check` and `/stack/apply`"""
    pages = _Pages(console)
    return [
        console.page("/stack/check", pages.form, permission=READ),
        console.page("/stack/check", pages.check, method="POST", permission=READ),
        console.page("/stack/apply", pages.apply, method="POST", permission=APPLY),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._options = console.settings.console

    async def form(self, request: Request, visitor: Visitor) -> Response:
        """The text as it is on disk; or, for who may go back to it, the one before."""
        need(visitor, READ)
        running = self._options.running
        text = self._options.stack_text
        if running is not None and may_apply(visitor):
            text = await asyncio.to_thread(running.file.read)
            if "previous" in request.query_params:
                before = await asyncio.to_thread(running.file.read_previous)
                if before:
                    return await self._page(request, visitor, before, digest_of(text))
        return await self._page(request, visitor, text, digest_of(text), is_checked=False)

    async def check(self, request: Request, visitor: Visitor) -> Response:
        """Faults, or everything that would be different."""
        need(visitor, READ)
        form = form_of(request)
        text = form.get("text", "")
        return await self._page(request, visitor, text, form.get("digest", "")[:64])

    async def apply(self, request: Request, visitor: Visitor) -> Response:
        """Put it to use, if it is what was shown, and all of it is well."""
        need(visitor, READ)
        running, form = self._running(visitor), form_of(request)
        text, digest = form.get("text", ""), form.get("digest", "")[:64]
        found = await asyncio.to_thread(self._read, text)
        if not isinstance(found, Stack):
            return await self._page(request, visitor, text, digest)
        shown = await asyncio.to_thread(self._changes, found, text)
        if form.get("against", "") != digest_of(running.text):
            failed = "What runs was changed since this page was made. Look at what differs now."
            return await self._page(request, visitor, text, digest, failed=failed, status=409)
        if is_weaker(shown) and form.get("sure", "") != "yes":
            failed = "Say that you have seen what gets weaker, or leads to another place."
            return await self._page(request, visitor, text, digest, failed=failed, status=400)
        is_back = text == await asyncio.to_thread(running.file.read_previous)
        kind = "stack.reverted" if is_back else "stack.applied"
        noted = [change.text[:300] for change in shown[:MAX_NOTED]]
        if more := len(shown) - MAX_NOTED:
            noted += [f"and {more} more"] if more > 0 else []
        applied = Applied(visitor.organisation_id, actor(request, visitor), kind, noted)
        try:
            await running.apply(text, digest, applied)
        except ChangedMeanwhileError:
            failed = "The stack file was changed since this page was made. Load it again."
            return await self._page(request, visitor, text, digest, failed=failed, status=409)
        except (ConfigError, InputError, StoreError, TyrianError) as error:
            return await self._page(request, visitor, text, digest, failed=told(error), status=400)
        return RedirectResponse(f"/stack?done={kind.replace('.', '-')}", 303)

    def _running(self, visitor: Visitor) -> RunningStack:
        if not may_apply(visitor):
            message = (
                "Guards are changed in the organisation whose gateway this is, and nowhere else."
            )
            raise ApiError(403, message, code="role_too_small")
        if not is_recent(visitor):
            message = "For this, sign out and sign in again: your last proof is too old."
            raise ApiError(403, message, code="sign_in_again")
        running = self._options.running
        if running is None or running.hindrance():
            raise ApiError(409, self._hindrance(), code="stack_is_fixed")
        return running

    def _hindrance(self) -> str:
        """Why nobody can apply anything here; empty where somebody can."""
        running = self._options.running
        if running is None:
            return (
                "This gateway runs the stack that is built in. To change it, start the gateway"
                " with a file of your own: tyrian serve --stack FILE."
                if self._options.stack_path is None
                else "This gateway cannot change while it runs."
            )
        reason = running.hindrance()
        return (
            f"The stack file cannot be replaced from here: {reason}. Change it where it comes"
            " from, and start the gateway anew."
            if reason
            else ""
        )

    def _read(self, text: str) -> Stack | list[Fault]:
        """The stack, or what is wrong; blocking. What it may not name is never opened."""
        if len(text) > MAX_TEXT:
            return [Fault(0, f"the text is longer than {MAX_TEXT:,} characters", "")]
        path = self._options.stack_path or Path("stack.yaml")
        base = path.absolute().parent
        beyond = bound_faults(text, self._options.stack_text, base=base, file=path.name)
        found = beyond or stack_faults(text, base=base, file=path.name)
        return found if isinstance(found, Stack) else [_fault(error) for error in found]

    def _changes(self, stack: Stack, text: str) -> list[Change]:
        """What would be different from what runs; blocking, as files are read."""
        options = self._options
        found = changes(options.stack, stack) if options.stack is not None else []
        if options.running is not None and text != options.running.text:
            base = options.running.file.path.absolute().parent
            found = [
                *(
                    Change(Weight.WEAKER, f"{path} was changed since; what it says now holds then")
                    for path in files_named(text, base)
                    if path.stat().st_mtime > options.running.read_at
                ),
                *found,
            ]
        return found

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        text: str,
        digest: str,
        *,
        is_checked: bool = True,
        failed: str = "",
        status: int = 200,
    ) -> Response:
        reading = await asyncio.to_thread(self._reading, text) if is_checked else Reading()
        running = self._options.stack_text
        return self._console.render(
            request,
            "stack_check.html",
            visitor,
            status=400 if reading.faults else status,
            active="stack",
            failed=failed,
            text=text,
            digest=digest,
            against=digest_of(running),
            is_checked=is_checked,
            faults=reading.faults,
            found=reading.found,
            stages=by_stage(reading.found),
            changes=reading.changes,
            is_weaker=is_weaker(reading.changes),
            is_other=text != running,
            lines=reading.lines,
            may_apply=may_apply(visitor),
            hindrance=self._hindrance(),
            is_recent=is_recent(visitor),
        )

    def _reading(self, text: str) -> Reading:
        """Everything that a page says of a text; blocking."""
        found = self._read(text)
        if not isinstance(found, Stack):
            return Reading(faults=found)
        lines = _lines(self._options.stack_text, text)
        return Reading((), explain(found), self._changes(found, text), lines)


def is_recent(visitor: Visitor) -> bool:
    """Whether somebody proved lately who they are; a link counts as any other proof here."""
    return time.time() - visitor.signed_in_at < FRESH_S


def _fault(error: StackError) -> Fault:
    place = f"{error.file}:{error.line}:{error.column}: "
    return Fault(error.line, error.message.removeprefix(place), error.hint)


def _lines(old: str, new: str) -> Sequence[Line]:
    """The two texts side by side, as far as they differ; nothing where they are too long."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > MAX_LINES:  # the time it takes grows with their square
        return []
    kinds = {"+": "new", "-": "gone", "@": "place"}
    found = list(unified_diff(before, after, lineterm="", n=3))[2:]
    return [Line(kinds.get(line[:1], ""), line) for line in found]
