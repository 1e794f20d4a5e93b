"""Compare what was approved with what lies on the disk, stands on the hub, and was before."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tyrian.supply.drift.change import Change, ChangeKind, Meaning, Side
from tyrian.supply.drift.tree import Leaf, Tree
from tyrian.supply.lock.facts import is_configuration

_NOTHING: Mapping[str, str] = {}


def compare(
    approved: Tree, disk: Tree | None = None, hub: Tree | None = None, before: Tree | None = None
) -> list[Change]:
    """Each change against the approved tree, by path; none where all sides are the same.

    - disk: every difference is a failure.
    - hub at the approved commit: another content or name is one, since a commit does not change;
      files that only one side has are told alone, since a pull takes some and an export adds some.
      At another commit all is news, and where the disk is as approved its file is approved.
    - before (an earlier lock): what is another now was approved, where the disk does not say
      otherwise.
    """
    changes = list(_against(approved, disk, Side.DISK)) if disk else []
    failed = {change.path for change in changes}
    if hub:
        is_same = hub.commit in ("", approved.commit)
        changes += _of_hub(approved, hub, failed, has_disk=disk is not None, is_same=is_same)
    if before:
        changes += _approvals(_against(before, approved, Side.BEFORE), failed)
    return sorted(changes, key=lambda change: (change.path, change.side, change.kind))


def _of_hub(
    approved: Tree, hub: Tree, failed: set[str], *, has_disk: bool, is_same: bool
) -> Iterator[Change]:
    for change in _against(approved, hub, Side.HUB):
        if is_same and change.kind is ChangeKind.MISSING:
            why = "the approved commit has no such file: it was added here"
            yield replace(change, why=why, is_failure=False)
        elif is_same and change.kind is ChangeKind.UNEXPECTED:
            yield replace(change, why="the hub has it, and it was not approved", is_failure=False)
        elif is_same:
            yield change
        elif has_disk and change.path not in failed and change.kind is ChangeKind.MODIFIED:
            why = f"the disk has what was approved; the hub moved on to {hub.commit[:12]}"
            yield Change(ChangeKind.APPROVED, Side.HUB, change.path, why, is_failure=False)
        else:
            yield replace(change, is_failure=False)


def _approvals(changes: Iterator[Change], failed: set[str]) -> Iterator[Change]:
    for change in changes:
        if change.path not in failed:
            why = f"{change.kind} since the earlier lock: {change.why}"
            yield Change(ChangeKind.APPROVED, Side.BEFORE, change.path, why, change.meanings, False)


def _against(was: Tree, now: Tree, side: Side) -> Iterator[Change]:
    """Changes from one tree to another."""
    told = {fault.path for fault in now.faults}
    for fault in now.faults:
        kind = ChangeKind.MODIFIED if fault.path in was.leaves else ChangeKind.UNEXPECTED
        yield Change(kind, side, fault.path, f"{fault.kind}: {fault.why}")
    gone = {
        path: leaf
        for path, leaf in was.leaves.items()
        if path not in now.leaves and path not in told
    }
    by_digest = {leaf.identity: path for path, leaf in gone.items() if leaf.identity}
    by_git = {leaf.git: path for path, leaf in gone.items() if leaf.git}
    for path, leaf in now.leaves.items():
        if path in was.leaves:
            if leaf != was.leaves[path] and (why := leaf.differs(was.leaves[path])):
                yield _modified(path, why, side, was, now)
            continue
        old = by_digest.get(leaf.identity, "") or by_git.get(leaf.git, "")
        if old in gone:
            del gone[old]
            yield Change(ChangeKind.MOVED, side, path, f"it was {old}")
        else:
            yield Change(ChangeKind.UNEXPECTED, side, path, _size(leaf))
    for path, leaf in gone.items():
        yield Change(ChangeKind.MISSING, side, path, _size(leaf))


def _size(leaf: Leaf) -> str:
    return f"a link to {leaf.link}" if leaf.link else f"{leaf.size:,} bytes"


def _modified(path: str, why: str, side: Side, was: Tree, now: Tree) -> Change:
    meanings = tuple(diff(was.facts.get(path, _NOTHING), now.facts.get(path, _NOTHING)))
    if path not in was.facts or path not in now.facts:
        return Change(ChangeKind.MODIFIED, side, path, why)
    if not meanings:
        if "unreadable" in now.facts[path]:
            return Change(ChangeKind.MODIFIED, side, path, why)
        told = "it means the same in other bytes" if is_configuration(path) else why
        return Change(ChangeKind.MODIFIED, side, path, told)
    is_meant = is_configuration(path) and "unreadable" not in now.facts[path]
    kind = ChangeKind.CONFIGURATION if is_meant else ChangeKind.MODIFIED
    return Change(kind, side, path, why, meanings)


def diff(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Meaning]:
    """The facts that were added, removed or changed, by key."""
    for key in sorted({*was, *now}):
        if was.get(key) != now.get(key):
            yield Meaning(key, was.get(key, ""), now.get(key, ""))


def text_of(fact: str) -> str | None:
    """The text of a fact that is one of several lines, such as a template; else None."""
    try:
        value = json.loads(fact) if fact.startswith('"') else None
    except ValueError:
        return None
    return value if isinstance(value, str) and "\n" in value else None
