"""What a run leaves behind: its manifest, its cases in order, and its figures.

All files but the log are the same bytes whenever the same cases got the same answers: no times, no
order of arrival. They are written whole, under another name, and renamed.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import msgspec

from tyrian.evals.benchmark import Benchmark, Scored
from tyrian.evals.exchange import Reply, ReplyStatus
from tyrian.evals.run.index import LogIndex
from tyrian.evals.run.log import Record, records
from tyrian.evals.sample import Sample, Score
from tyrian.evals.summary import Summary, summarise

LOG, RESULTS, SUMMARY, UPSTREAM, MANIFEST = (
    *("log.jsonl", "results.jsonl", "summary.json"),
    *("upstream-stats.json", "manifest.json"),
)
_ENCODER = msgspec.json.Encoder(order="sorted")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either the old one or the new one, durably."""
    write_parts(path, [data])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """The same for what comes in parts and need not fit into memory."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        for data in parts:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def as_json(value: object) -> bytes:
    """Indented JSON with sorted keys."""
    return msgspec.json.format(_ENCODER.encode(value), indent=1) + b"\n"


def finish(directory: Path, benchmark: Benchmark) -> Summary:
    """Write results and figures from the log; the manifest is there since the run began."""
    with LogIndex(directory / LOG) as index:
        write_parts(directory / RESULTS, (line_of(record) for record in index.ordered()))
    cases = records(directory / RESULTS)
    summary = summarise(cases, benchmark.measures, is_strict=not benchmark.is_upstream)
    write_whole(directory / SUMMARY, as_json(asdict(summary)))
    if benchmark.is_upstream:
        model = str(msgspec.json.decode((directory / MANIFEST).read_bytes())["model"])
        scored = [scored_of(record) for record in records(directory / RESULTS)]
        stats = benchmark.upstream_stats(scored, model)
        # Python's own writer, as upstream: letters beyond ASCII and exponents have its form.
        write_whole(directory / UPSTREAM, json.dumps(stats, indent=4).encode())
    return summary


def line_of(record: Record) -> bytes:
    """A case as it stands in the results: keys sorted, a line each."""
    return _ENCODER.encode(record) + b"\n"


def scored_of(record: Record) -> Scored:
    """The case behind a line of the log."""
    sample = Sample(
        record.id, {}, record.slices, record.cluster, record.duplicate_of, record.invalid
    )
    score = Score(record.values, record.label, record.missing, record.why, record.details)
    replies = [
        Reply(said.reply, ReplyStatus(said.status), said.reason) for said in record.exchanges
    ]
    return Scored(sample, score, record.answer, record.judgement, replies, record.nth)
