"""All that is said of a batch of rows without looking at others: the work that engines share out.

The same batch gives the same result on any machine.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from tyrian.supply.data.canonical import row_digest
from tyrian.supply.data.files import DOCUMENTS, DataFile
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.judge import Judges, judged
from tyrian.supply.data.minhash import shingles_of, signatures_of
from tyrian.supply.data.read import batches_of
from tyrian.supply.data.rows import Batch, Row, UnreadError, Value
from tyrian.supply.data.shape import Fields, Part, ShapeError, Texts, texts_of
from tyrian.supply.data.sources import SourceList
from tyrian.supply.data.units import Unit
from tyrian.supply.data.words import Words, plain_text, words_of

_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with every row."""

    fields: Fields = Fields()  # noqa: RUF009  it is frozen
    sources: SourceList = SourceList()  # noqa: RUF009  it is frozen
    judges: Callable[[], Judges] | None = None
    wants_digests: bool = False
    compares: Callable[[Texts], tuple[str, str]] | None = None
    """Of a row the text that is compared with those of others, and what must not differ then."""
    is_strict: bool = True
    """Rows that are not of the format that their fields promise are told."""


class Examined(msgspec.Struct, omit_defaults=True):
    """What is known of the rows of a batch; lists have a place for each readable row."""

    unit: int
    file: str
    rows: list[int] = []
    findings: list[DataFinding] = []
    unread: int = 0
    digests: list[bytes] = []
    origins: list[tuple[str, str]] = []
    """Source and licence."""
    keys: list[bytes] = []
    """Of the compared text, however it is spaced and cased."""
    answers: list[bytes] = []
    """Of what must not differ; empty where there is nothing."""
    labels: list[str] = []
    words: bytes = b""
    """64-bit hashes of the compared texts' words."""
    counts: bytes = b""
    signatures: bytes = b""
    answer_words: bytes = b""
    answer_counts: bytes = b""


def examine_unit(unit: Unit, job: Job, judges: Judges) -> Iterator[Examined]:
    """The results of a unit, batch by batch; where its file cannot be read on, the last says so."""
    try:
        for batch in batches_of(unit):
            yield examine(batch, unit, job, judges)
    except UnreadError as error:
        fault = DataFinding(rule=error.rule, file=unit.file.name, why=error.message)
        yield Examined(unit.number, unit.file.name, findings=[fault])


def examine(batch: Batch, unit: Unit, job: Job, judges: Judges) -> Examined:
    """What is to be said of these rows."""
    file = unit.file
    made = Examined(unit.number, file.name)
    texts: list[Texts] = []
    for row in batch:
        if not isinstance(row, Row):
            bad = DataFinding(rule=row.rule, file=file.name, row=row.number, why=row.why)
            made.findings.append(bad)
            made.unread += 1
            continue
        try:
            found = _texts(row.value, file, job)
        except ShapeError as error:
            made.findings.append(_wrong(file, row.number, error.message))
            made.unread += 1
            continue
        made.rows.append(row.number)
        texts.append(found)
        _add_origin(made, row, file, job)
    _add_hits(made, texts, file, judges)
    if job.compares:
        _add_words(made, texts, job.compares)
    return made


def _wrong(file: DataFile, number: int, why: str) -> DataFinding:
    return DataFinding(rule="row-wrong-type", file=file.name, row=number, why=why)


def _texts(value: Value, file: DataFile, job: Job) -> Texts:
    if file.kind in DOCUMENTS:
        told = {key: value[key] for key in ("text", "hidden", "metadata")}
        found = texts_of(told, Fields())
        return Texts(tuple(piece for piece in found.pieces if not piece.field.endswith(".why")))
    if job.is_strict:
        return texts_of(value, job.fields)
    return Texts(())


def _add_origin(made: Examined, row: Row, file: DataFile, job: Job) -> None:
    if job.wants_digests:
        kept = {"sha256": row.value["sha256"]} if file.kind in DOCUMENTS else row.value
        made.digests.append(row_digest(kept))
        origin = job.sources.of(file.name, row.value)
        made.origins.append((origin.source, origin.licence))
    made.findings += job.sources.faults(file.name, row.number, row.value)
    hidden = row.value.get("hidden") if file.kind in DOCUMENTS else None
    for number, one in enumerate(hidden if isinstance(hidden, list) else []):
        if one["is_finding"]:
            made.findings.append(
                DataFinding(
                    rule="document-hidden",
                    file=file.name,
                    row=row.number,
                    field=f"hidden[{number}].text",
                    end=len(one["text"]),
                    why=one["why"],
                )
            )


def _add_hits(made: Examined, texts: Sequence[Texts], file: DataFile, judges: Judges) -> None:
    if not (judges.every or judges.suspicious):
        return
    places = [
        (number, piece.field, piece.text)
        for number, row in zip(made.rows, texts, strict=True)
        for piece in row.pieces
        if piece.text
    ]
    for at, hit in judged([text for _, _, text in places], judges):
        number, field, _ = places[at]
        made.findings.append(
            DataFinding(
                rule=hit.rule,
                file=file.name,
                row=number,
                field=field,
                start=hit.start,
                end=hit.end,
                why=hit.why,
                score=round(hit.score, 4),
            )
        )


def _add_words(
    made: Examined, texts: Sequence[Texts], compares: Callable[[Texts], tuple[str, str]]
) -> None:
    asked, answered = zip(*map(compares, texts), strict=True) if texts else ((), ())
    made.keys = [_key(text) for text in asked]
    made.answers = [_key(text) if text else b"" for text in answered]
    made.labels = [row.label for row in texts]
    words = words_of(asked)
    made.words, made.counts = words.hashes.tobytes(), words.counts.tobytes()
    made.signatures = signatures_of(shingles_of(words)).tobytes()
    words = words_of(answered)
    made.answer_words, made.answer_counts = words.hashes.tobytes(), words.counts.tobytes()


def _key(text: str) -> bytes:
    plain = plain_text(text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(plain, digest_size=_KEY_BYTES).digest()


def words_in(hashes: bytes, counts: bytes) -> Words:
    """Words as a result carries them."""
    return Words(np.frombuffer(hashes, np.uint64), np.frombuffer(counts, np.int64))


def question_and_answer(texts: Texts) -> tuple[str, str]:
    """For a scan: what is asked, and the label or the answer."""
    asked, answered = texts.of(Part.QUESTION), texts.of(Part.ANSWER)
    return asked or texts.of(Part.OTHER), texts.label or answered


def all_texts(texts: Texts) -> tuple[str, str]:
    """For removing duplicates: everything that is trained on, and the label."""
    parts = (texts.of(Part.QUESTION), texts.of(Part.ANSWER))
    return "\n".join(filter(None, parts)) or texts.of(Part.OTHER), texts.label
