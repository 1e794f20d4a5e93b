"""How changes of models are written: lines for people, rows for programs."""

import difflib
from collections.abc import Iterable, Iterator

from tyrian.cli.plain import plain
from tyrian.cli.result import Json
from tyrian.supply.drift.change import Change, Meaning
from tyrian.supply.drift.compare import text_of
from tyrian.supply.lock.lock import LockedModel

_MOST_MEANINGS = 40


def change_lines(model: LockedModel, changes: list[Change]) -> Iterator[str]:
    """What changed of a model, with a diff of what matters."""
    if not changes:
        yield f"{model.name}: no change since {model.approver} approved it"
    for change in changes:
        yield plain(f"{model.name}: {change.path}: {change.kind} ({change.side}): {change.why}")
        for meaning in change.meanings[:_MOST_MEANINGS]:
            yield from _meaning(meaning)
        if (more := len(change.meanings) - _MOST_MEANINGS) > 0:
            yield f"    {more} changes more"


def _meaning(meaning: Meaning) -> Iterator[str]:
    was, now = text_of(meaning.was), text_of(meaning.now)
    if was is not None and now is not None:
        yield plain(f"    {meaning.key}:")
        lines = difflib.unified_diff(was.splitlines(), now.splitlines(), lineterm="", n=1)
        yield from (f"      {plain(line)}" for line in list(lines)[2:])
    elif not meaning.was:
        yield plain(f"    + {meaning.key}: {meaning.now}")
    elif not meaning.now:
        yield plain(f"    - {meaning.key}: {meaning.was}")
    else:
        yield plain(f"    {meaning.key}: {meaning.was} -> {meaning.now}")


def change_rows(changes: Iterable[Change]) -> list[Json]:
    """A row for each change."""
    return [
        {
            "path": change.path,
            "kind": str(change.kind),
            "side": str(change.side),
            "why": change.why,
            "is_failure": change.is_failure,
            "meanings": [
                {"key": one.key, "was": one.was, "now": one.now} for one in change.meanings
            ],
        }
        for change in changes
    ]
