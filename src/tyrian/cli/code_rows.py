"""Rows of `tyrian code scan --input`: one piece of code each, judged in order."""

import time
from collections.abc import Iterator

from tyrian.cli.code_judge import Judge, Judged, checked_tag
from tyrian.cli.result import Json
from tyrian.cli.rows import Id, Line, LineSplitter, RowError, fields_of
from tyrian.cli.source import opened, read
from tyrian.core.decision import Effect
from tyrian.detectors.code_shield.budget import Budget
from tyrian.detectors.code_shield.rule import Profile
from tyrian.errors import ConfigError

_MOST_BYTES = 16 << 20


def results_of(judge: Judge, source: str, tag: str | None) -> Iterator[Json]:
    """A result for each row, in order; one that cannot be read or judged has `error`."""
    splitter = LineSplitter(_MOST_BYTES)
    with opened(source) as stream:
        while chunk := read(stream):
            for line in splitter.feed(chunk):
                yield _result(judge, line, tag)
        for line in splitter.close():
            yield _result(judge, line, tag)


def _result(judge: Judge, line: Line, tag: str | None) -> Json:
    started = time.perf_counter()
    try:
        row_id, code, own = _row(line)
    except RowError as error:
        row_id = line.number if error.row_id is None else error.row_id
        return {"id": row_id, "error": error.message, "line": line.number}
    judged = judge.text(code, own or tag, Budget().start())
    effect = _effect(judged)
    result: Json = {
        "id": row_id,
        "effect": str(effect),
        "findings": _findings(judged),
        "elapsed_s": round(time.perf_counter() - started, 6),
    }
    if judged.coverage < 1.0:
        result["coverage"] = round(judged.coverage, 3)
    return result


def _effect(judged: Judged) -> Effect:
    if not judged.marks:
        return Effect.ALLOW
    is_sure = any(mark.rule.profile is Profile.BLOCK for mark in judged.marks)
    return Effect.BLOCK if is_sure else Effect.FLAG


def _findings(judged: Judged) -> list[Json]:
    return [
        {
            "rule": mark.rule.id,
            "cwe": mark.rule.cwe,
            "severity": str(mark.rule.severity),
            "line": mark.line,
            "end_line": mark.end_line,
            "message": f"{mark.rule.message}; {mark.rule.fix}"
            if mark.rule.fix
            else mark.rule.message,
            "language": mark.language,
        }
        for mark in judged.marks
    ]


def _row(line: Line) -> tuple[Id, str, str | None]:
    row_id, fields = fields_of(line)
    code, language = fields.get("code"), fields.get("language")
    if not isinstance(code, str):
        raise RowError("code: must be a string", row_id=row_id)
    if language is not None and not isinstance(language, str):
        raise RowError("language: must be a string", row_id=row_id)
    try:
        return row_id, code, checked_tag(language) if language else None
    except ConfigError as error:
        raise RowError(f"language: {error.message}", row_id=row_id) from None
