"""Writes thresholds and bands into a stack file: checked before, atomic, the rest untouched."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tyrian.core.detection import Stage
from tyrian.errors import ConfigError, StackError
from tyrian.policy.guard import ANY_LABEL
from tyrian.stack.guards import CascadeSpec
from tyrian.stack.load import parse_stack
from tyrian.stack.schema import GUARD_LISTS, Stack
from tyrian.tuning.edit import Entry, put


@dataclass(frozen=True, slots=True)
class Change:
    """What is new for one guard at one stage."""

    guard: str
    stage: Stage
    thresholds: Mapping[str, float]
    comments: Mapping[str, str] = field(default_factory=dict)
    """Beside each threshold, by label."""
    band: tuple[float, float] | None = None
    max_share: float | None = None
    band_comment: str = ""


def number(value: float) -> str:
    """A score as it stands in the file; six decimals, none of them needless."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.1f}"


def rewritten(text: str, changes: Iterable[Change], *, base: Path, file: str) -> str:
    """The text of a stack file with these changes; ConfigError where that cannot be done.

    What comes out is read again: it must be the stack that went in with nothing else changed.
    """
    before = parse_stack(text, base=base, file=file)
    bom, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    newline = "\r\n" if "\r\n" in body else "\n"
    body = body.replace("\r\n", "\n")
    places = _places(before)
    changes = list(changes)
    for change in changes:
        body = _changed(body, places[change.stage, change.guard], change)
    _check(before, body, changes, base, file)
    return bom + body.replace("\n", newline)


def _places(stack: Stack) -> dict[tuple[Stage, str], Sequence[str | int]]:
    keys = {stage: key for key, stage in GUARD_LISTS.items()}
    found: dict[tuple[Stage, str], Sequence[str | int]] = {}
    counts: Counter[Stage] = Counter()
    for guard in stack.guards():
        found[guard.stage, guard.name] = ("agent", keys[guard.stage], counts[guard.stage])
        counts[guard.stage] += 1
    return found


def _changed(text: str, path: Sequence[str | int], change: Change) -> str:
    entries = {
        label: Entry(number(value), change.comments.get(label, ""))
        for label, value in change.thresholds.items()
    }
    if entries:
        text = put(text, path, "threshold", entries, ANY_LABEL)
    if change.band is not None:
        low, high = change.band
        band = {"unsure": Entry(f"[{number(low)}, {number(high)}]", change.band_comment)}
        if change.max_share is not None:
            band["max_share"] = Entry(number(change.max_share))
        text = put(text, path, "cascade", band, "unsure")
    return text


def _check(before: Stack, text: str, changes: Iterable[Change], base: Path, file: str) -> None:
    try:
        after = parse_stack(text, base=base, file=file)
    except StackError as error:
        raise _cannot(file) from error
    guards = {(guard.stage, guard.name): guard.spec for guard in after.guards()}
    for change in changes:
        spec = guards[change.stage, change.guard]
        least = spec.threshold if isinstance(spec.threshold, dict) else {}
        is_there = all(least.get(label) == one for label, one in change.thresholds.items())
        if change.band is not None:
            is_there &= spec.cascade is not None and spec.cascade.unsure == change.band
        if not is_there:
            raise _cannot(file)
    if _skeleton(before, changes) != _skeleton(after, changes):
        raise _cannot(file)


def _cannot(file: str) -> ConfigError:
    return ConfigError(
        f"{file}: the thresholds cannot be put into the file without changing more of it",
        hint="write its guards with one key on each line, and tune again",
    )


def _skeleton(stack: Stack, changes: Iterable[Change]) -> object:
    """The stack without what these changes are to change."""
    plain = stack.model_dump()
    for change in changes:
        place: Any = plain
        for step in _places(stack)[change.stage, change.guard]:
            place = place[step]
        if change.thresholds:
            now = place["threshold"]
            least = now if isinstance(now, dict) else {} if now is None else {ANY_LABEL: now}
            place["threshold"] = {k: v for k, v in least.items() if k not in change.thresholds}
        if change.band is not None:
            cascade = place["cascade"] or CascadeSpec().model_dump()
            cascade["unsure"] = None
            if change.max_share is not None:
                cascade["max_share"] = None
            place["cascade"] = cascade
    return plain


def replace_file(path: Path, text: str) -> None:
    """Put the text into the file's place in one step; its permissions stay."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, data: bytes) -> None:
    """Put the bytes into the file's place in one step; its permissions stay."""
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror or "cannot be written"
    return ConfigError(f"{str(path)!r}: {reason}", hint="choose another file with --out")
