"""The whole report as values: the same request and files give the same."""

from datetime import date
from pathlib import Path

import msgspec

from tyrian.errors import ConfigError
from tyrian.supply.attest.regression import Regression, in_words
from tyrian.supply.report.evidence import Dossier, Measured, Stand
from tyrian.supply.report.frameworks import Answer, Framework, answer, frameworks, row_ids
from tyrian.supply.report.gather import gather
from tyrian.supply.report.request import Request

FORMAT = 1


class AnsweredRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a framework with what each candidate has to say."""

    id: str
    asks: str
    answers: tuple[Answer, ...]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a framework a candidate has evidence on."""

    candidate: str
    supported: int
    measured: int
    against: int
    left_open: int
    none: int

    @property
    def share(self) -> float:
        """Rows that evidence supports or measures, 0..1."""
        answered = self.supported + self.measured
        total = answered + self.against + self.left_open + self.none
        return answered / total if total else 0.0


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One framework."""

    id: str
    title: str
    reference: str
    rows: tuple[AnsweredRow, ...]
    coverage: tuple[Coverage, ...]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two candidates over the same cases."""

    first: str
    second: str
    changes: tuple[str, ...]
    """In words, from the first to the second."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report says."""

    title: str
    candidates: tuple[Dossier, ...]
    sections: tuple[Section, ...]
    purpose: str = ""
    prepared_by: str = ""
    as_of: str = ""
    pairs: tuple[Pair, ...] = ()
    format: int = FORMAT


def content_of(
    request: Request, root: Path, pairs: tuple[tuple[str, str, Regression], ...] = ()
) -> Content:
    """Read all evidence; ConfigError, InputError where something cannot be used."""
    known = row_ids()
    for one in request.candidates:
        if unknown := sorted(set(one.documents) - known):
            raise ConfigError(
                f"{one.name} has a document for {unknown[0]!r}, which no framework asks",
                hint=f"ids are such as {', '.join(sorted(known)[:3])}",
            )
    as_of = _date(request.as_of)
    dossiers = tuple(gather(one, root, as_of) for one in request.candidates)
    return Content(
        title=request.title,
        purpose=request.purpose,
        prepared_by=request.prepared_by,
        as_of=request.as_of,
        candidates=dossiers,
        sections=tuple(_section(one, dossiers) for one in frameworks()),
        pairs=tuple(
            Pair(first=first, second=second, changes=tuple(map(in_words, found.changes)))
            for first, second, found in pairs
        ),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigError(f"as_of: {text!r} is no date", hint="as_of: 2026-11-22") from None


def _section(framework: Framework, dossiers: tuple[Dossier, ...]) -> Section:
    rows = tuple(
        AnsweredRow(id=row.id, asks=row.asks, answers=tuple(answer(row, one) for one in dossiers))
        for row in framework.rows
    )
    return Section(
        id=framework.id,
        title=framework.title,
        reference=framework.reference,
        rows=rows,
        coverage=tuple(_coverage(rows, n, one.name) for n, one in enumerate(dossiers)),
    )


def _coverage(rows: tuple[AnsweredRow, ...], number: int, name: str) -> Coverage:
    stands = [row.answers[number].stand for row in rows]
    return Coverage(
        candidate=name,
        supported=stands.count(Stand.FOR),
        measured=stands.count(Stand.MEASURED),
        against=stands.count(Stand.AGAINST),
        left_open=stands.count(Stand.OPEN),
        none=stands.count(None),
    )


def encode(content: Content) -> bytes:
    """The report as JSON."""
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def measures(content: Content) -> list[tuple[str, str, tuple[Measured | None, ...]]]:
    """Each measure of each benchmark with the figure of each candidate, None where it has none."""
    found: dict[tuple[str, str], dict[str, Measured]] = {}
    for dossier in content.candidates:
        for one in dossier.measured:
            found.setdefault((one.benchmark, one.measure), {})[dossier.name] = one
    return [
        (*key, tuple(by_name.get(one.name) for one in content.candidates))
        for key, by_name in sorted(found.items())
    ]
