"""Shards of a run: which case belongs to which, what one leaves on disk, how they become one log.

A shard is chosen by the digest of the case's id alone, so that it stays when rows are added or come
in another order, and the same cases of two runs share their shards. Each shard is an append-only
segment beside the log, and a note when it is done. Merging is a union by case: doing it twice, or
after a crash, gives the same log.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

import tyrian
from tyrian.errors import InputError
from tyrian.evals.run.index import LogIndex
from tyrian.evals.run.outcome import LOG, as_json, line_of, write_parts, write_whole

SHARDS = 32
"""So many shards has every run: enough for many machines, and few files."""
SEGMENTS = "segments"


def shard_of(case: str, shards: int = SHARDS) -> int:
    """The shard of a case, from 0."""
    return int.from_bytes(sha256(case.encode("utf-8", "surrogatepass")).digest(), "big") % shards


def segment_of(directory: Path, shard: int, shards: int = SHARDS) -> Path:
    """The file of a shard's cases."""
    return directory / SEGMENTS / f"{shard:03d}-of-{shards:03d}.jsonl"


def logs_of(directory: Path) -> list[Path]:
    """The log and all segments: what is newer comes later."""
    return [directory / LOG, *sorted((directory / SEGMENTS).glob("*.jsonl"))]


def note_done(segment: Path, engine: Mapping[str, str]) -> None:
    """Note that a shard is done: its cases, the digest of its bytes, and what did it."""
    data = segment.read_bytes() if segment.exists() else b""
    note = {
        "n": data.count(b"\n"),
        "sha256": sha256(data).hexdigest(),
        "tyrian": tyrian.__version__,
        **engine,
    }
    segment.parent.mkdir(parents=True, exist_ok=True)
    write_whole(_note(segment), as_json(note))


def merge(directory: Path) -> None:
    """Make one log of the log and all segments, and let the segments go; the notes stay.

    InputError where a segment that was noted as done has other bytes since.
    """
    logs = logs_of(directory)
    for segment in logs[1:]:
        _check(segment)
    with LogIndex(*logs) as index:
        write_parts(directory / LOG, _lines(index))
    for segment in logs[1:]:
        segment.unlink()


def _lines(index: LogIndex) -> Iterable[bytes]:
    return (line_of(record) for record in index.ordered())


def _note(segment: Path) -> Path:
    return segment.with_suffix(".done.json")


def _check(segment: Path) -> None:
    note = _note(segment)
    if not note.exists():
        return
    noted = msgspec.json.decode(note.read_bytes(), type=dict[str, object])
    if noted.get("sha256") != sha256(segment.read_bytes()).hexdigest():
        raise InputError(
            f"{segment} was changed after it was done",
            hint=f"remove it and {note.name}, and run again: its cases are done anew",
        )
