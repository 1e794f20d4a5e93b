"""Which cases a run has, and where each stands in its file: read again when the file changes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import msgspec

from tyrian.errors import InputError
from tyrian.evals.run.log import Record
from tyrian.evals.run.outcome import RESULTS
from tyrian.evals.run.results import Finished

PAGE = 50
"""Cases on one page."""


class Brief(msgspec.Struct, omit_defaults=True):
    """What a list shows of a case; the rest of its line is not kept."""

    id: str
    nth: int
    slices: dict[str, str] = {}
    values: dict[str, float] = {}
    label: str = ""
    missing: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A case, and where its line begins."""

    brief: Brief
    offset: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants to see of a run; empty fields ask for nothing."""

    outcome: str = ""
    """A label, or `!REASON` for cases without a score."""
    slice: str = ""
    """`DIMENSION=VALUE`."""
    text: str = ""
    """Stands in id, reason or conversation, whatever the case of its letters."""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One page of the cases that a reader asked for."""

    lines: tuple[Line, ...]
    total: int
    page: int
    pages: int


def id_of(run: Finished, root: Path) -> str:
    """A short name of a run, the same as long as it lies in the same place."""
    return sha256(str(run.directory.relative_to(root)).encode()).hexdigest()[:12]


class Index:
    """All cases of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = tuple(_lines(path))
        self.outcomes = Counter(outcome_of(line.brief) for line in self.lines)
        self.slices: Mapping[str, Counter[str]] = _slices(self.lines)

    def found(self, wish: Wish) -> Found:
        """The page that a reader asked for; the nearest one where there is no such page."""
        lines = self.lines
        if wish.outcome:
            lines = tuple(one for one in lines if outcome_of(one.brief) == wish.outcome)
        if wish.slice:
            name, _, value = wish.slice.partition("=")
            lines = tuple(one for one in lines if one.brief.slices.get(name) == value)
        if wish.text:
            lines = tuple(self._with_text(lines, wish.text.lower()))
        pages = max(1, -(-len(lines) // PAGE))
        page = min(max(1, wish.page), pages)
        return Found(lines[(page - 1) * PAGE : page * PAGE], len(lines), page, pages)

    def _with_text(self, lines: tuple[Line, ...], text: str) -> Iterator[Line]:
        for line, record in zip(lines, self._records(lines), strict=True):
            told = [record.id, record.why, record.label]
            told += [part for one in record.exchanges for part in (one.said, one.reply)]
            if any(text in one.lower() for one in told):
                yield line

    def record(self, case: str, nth: int) -> tuple[Record, Line | None, Line | None] | None:
        """A whole case with its neighbours; None where there is none."""
        for at, line in enumerate(self.lines):
            if line.brief.id == case and line.brief.nth == nth:
                (record,) = self._records((line,))
                before = self.lines[at - 1] if at else None
                after = self.lines[at + 1] if at + 1 < len(self.lines) else None
                return record, before, after
        return None

    def _records(self, lines: tuple[Line, ...]) -> Iterator[Record]:
        decode = msgspec.json.Decoder(Record).decode
        with self.path.open("rb") as file:
            for line in lines:
                file.seek(line.offset)
                yield decode(file.readline())


def index_of(run: Finished) -> Index:
    """The index of a run as it stands now."""
    path = run.directory / RESULTS
    status = path.stat()
    return _kept(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _kept(path: Path, changed: int, size: int) -> Index:
    return Index(path)


def outcome_of(brief: Brief) -> str:
    """The label of a case, or `!REASON` where it has no score."""
    return f"!{brief.missing}" if brief.missing else brief.label or "scored"


def _lines(path: Path) -> Iterator[Line]:
    decode = msgspec.json.Decoder(Brief).decode
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield Line(decode(line), offset)
            except msgspec.DecodeError as error:
                raise InputError(f"{path}:{number}: not a case of a run: {error}") from error
            offset += len(line)


def _slices(lines: tuple[Line, ...]) -> Mapping[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for line in lines:
        for name, value in line.brief.slices.items():
            found.setdefault(name, Counter())[value] += 1
    return found
