"""Which of a server's tools, prompts and resources its client may see, and why not the others."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.mcp.content import content_of
from tyrian.adapters.mcp.definition import (
    Listing,
    Sign,
    digest,
    entries_of,
    name_signs,
    text_signs,
)
from tyrian.adapters.mcp.frame import as_object
from tyrian.adapters.mcp.judge import Judge, shown
from tyrian.adapters.mcp.lock import Approved, Lock
from tyrian.core.detection import Stage
from tyrian.policy.strict_json import Json

HIDDEN = "tyrian/hidden"
"""Where `_meta` of a list says what was left out of it."""
FLAG_TEXT = "[Not approved] "


class Unapproved(StrEnum):
    """What happens to a tool that the lock file does not have."""

    HIDE = "hide"
    FLAG = "flag"
    """Shown if it looks clean, with a mark before its description."""
    SHOW = "show"
    """Shown if it looks clean."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Why something is not shown; `rule` is a stable id."""

    rule: str
    reason: str


@dataclass(slots=True)
class Catalogue:
    """What one server has offered so far, beside what was approved of it."""

    server: str
    lock: Lock | None = None
    unapproved: Unapproved = Unapproved.HIDE
    tell: Callable[[str], None] = lambda _: None
    _pins: dict[tuple[str, str], str] = field(default_factory=dict)
    _hidden: dict[tuple[str, str], Hidden | None] = field(default_factory=dict)
    _told: set[tuple[str, ...]] = field(default_factory=set)

    def tool(self, name: str) -> Hidden | None:
        """Why a tool may not be called; None where it may."""
        return self._hidden.get(("tool", name), _UNLISTED)

    def reason(self, noun: str, name: str) -> Hidden | None:
        """Why something that was listed is hidden; None where it is not."""
        return self._hidden.get((noun, name))

    async def listed(
        self, listing: Listing, result: dict[str, Json], judge: Judge
    ) -> dict[str, Json]:
        """A list as the client may see it; BadFrameError where it is none."""
        entries = entries_of(listing, result)
        names = [str(entry[listing.name]) for entry in entries]
        known = {name for noun, name in self._hidden if noun == listing.noun}
        beside = frozenset(known.union(names)) if listing.is_pinned else frozenset()
        kept: list[Json] = []
        left_out: list[Json] = []
        for start in range(0, len(entries), _AT_ONCE):
            some = entries[start : start + _AT_ONCE]
            found = await asyncio.gather(
                *(self._seen(listing, entry, names, beside, judge) for entry in some)
            )
            for entry, one in zip(some, found, strict=True):
                if isinstance(one, Hidden):
                    name = shown(str(entry[listing.name]))
                    left_out.append({"name": name, "rule": one.rule, "reason": one.reason})
                else:
                    kept.append(one)
        passed: dict[str, Json] = {**result, listing.member: kept}
        rest = {key: item for key, item in result.items() if key != listing.member}
        passed.update(as_object(await judge.definition(rest, f"the answer to {listing.method}")))
        if left_out:
            passed["_meta"] = {**as_object(passed.get("_meta")), HIDDEN: left_out}
        return passed

    async def instructions(self, text: str, judge: Judge) -> str:
        """What a server tells the model about itself, as it may go on; empty where it may not."""
        mark, approved = digest(text), self._approved().instructions
        if approved == mark:
            return text
        hidden = None
        if self._approved_before() and approved:
            hidden = _CHANGED
        elif self.lock is not None and self.unapproved is Unapproved.HIDE:
            hidden = _UNAPPROVED
        else:
            hidden = _first(text_signs(text, self._foreign()))
        if hidden is None:
            try:
                return str(await judge.definition(text, "the instructions of the server"))
            except RefusedError as refused:
                hidden = _refused(refused)
        await self._leave_out("instructions", "", mark, hidden, text, judge)
        return ""

    async def _seen(
        self,
        listing: Listing,
        entry: dict[str, Json],
        names: list[str],
        beside: frozenset[str],
        judge: Judge,
    ) -> Json | Hidden:
        """One entry of a list as it may be shown, or why it is not."""
        name, mark = str(entry[listing.name]), digest(entry)
        found = self._by_pin(listing, name, mark, is_twice=names.count(name) > 1)
        is_approved = found is None and self._approved().of(listing.noun).get(name) == mark
        passed: Json = entry
        if found is None and not is_approved:
            found = self._by_signs(listing, entry, beside)
        if found is None and not is_approved:
            try:
                passed = await judge.definition(entry, f"the {listing.noun} {shown(name)}")
            except RefusedError as refused:
                found = _refused(refused)
            if found is None and as_object(passed).get(listing.name) != name:
                found = Hidden("name.private", "its name holds what must not go on")
        self._hidden[listing.noun, name] = found
        if found is not None:
            text = "\n".join(content_of(entry).slots)
            await self._leave_out(listing.noun, name, mark, found, text, judge)
            return found
        if listing.is_pinned and not is_approved and self._flags:
            passed = _flagged(as_object(passed))
        return passed

    def _by_pin(self, listing: Listing, name: str, mark: str, *, is_twice: bool) -> Hidden | None:
        """What approvals, and what was seen before, say of an entry."""
        if not listing.is_pinned:
            return None
        if is_twice:
            return Hidden("name.twice", "two have this name")
        approved = self._approved().of(listing.noun).get(name)
        if approved is not None:
            return None if approved == mark else _CHANGED
        if self.lock is not None and self.unapproved is Unapproved.HIDE:
            return _UNAPPROVED
        pinned = self._pins.setdefault((listing.noun, name), mark)
        return None if pinned == mark else _CHANGED

    def _by_signs(
        self, listing: Listing, entry: dict[str, Json], beside: frozenset[str]
    ) -> Hidden | None:
        signs: list[Sign] = []
        if listing.is_pinned:
            foreign = self._foreign() if listing.noun == "tool" else frozenset()
            signs += name_signs(str(entry[listing.name]), beside, foreign)
        content = content_of(entry)
        return _first(
            [*signs, *text_signs("\n".join((*content.slots, *content.extras)), self._foreign())]
        )

    @property
    def _flags(self) -> bool:
        return self.lock is not None and self.unapproved is Unapproved.FLAG

    def _approved(self) -> Approved:
        return self.lock.servers.get(self.server, Approved()) if self.lock else Approved()

    def _approved_before(self) -> bool:
        return self.lock is not None and self.server in self.lock.servers

    def _foreign(self) -> frozenset[str]:
        return self.lock.foreign_tools(self.server) if self.lock else frozenset()

    async def _leave_out(
        self, noun: str, name: str, mark: str, hidden: Hidden, text: str, judge: Judge
    ) -> None:
        """Say, once per definition and reason, what is not shown; write it to the audit."""
        if (noun, name, mark, hidden.rule) in self._told:
            return
        self._told.add((noun, name, mark, hidden.rule))
        what = f"the {noun} {shown(name)}" if name else f"the {noun}"
        self.tell(f"{what} of {self.server} is hidden: {hidden.reason} ({hidden.rule})")
        await judge.refuse(hidden.rule, hidden.reason, text, name, Stage.DOCUMENT)


_AT_ONCE = 32
_CHANGED = Hidden("changed", "it is no longer what was approved or seen before")
_UNAPPROVED = Hidden("unapproved", "nobody has approved it; tyrian mcp approve does")
_UNLISTED = Hidden("unlisted", "the server has not listed it in this session; list the tools first")


def _first(signs: Iterable[Sign]) -> Hidden | None:
    return next((Hidden(sign.rule, sign.reason) for sign in signs), None)


def _refused(refused: RefusedError) -> Hidden:
    rules = [reason.rule for reason in refused.decision.reasons[:1]] or ["refused"]
    return Hidden(rules[0], "the firewall refuses what it says")


def _flagged(entry: dict[str, Json]) -> dict[str, Json]:
    told = entry.get("description")
    return {**entry, "description": FLAG_TEXT + (told if isinstance(told, str) else "")}
