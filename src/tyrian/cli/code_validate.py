"""`tyrian code rules validate`: what holds of each rule of a file, before it is used."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.plain import plain
from tyrian.cli.result import Json
from tyrian.detectors.code_shield.rule_file import verdicts_in
from tyrian.errors import ConfigError

_REFUSED = "refused"


def judged(files: list[Path]) -> Iterator[Json]:
    """One row per rule: file, line, rule, status (exact, degraded, refused), reasons."""
    for file in files:
        try:
            verdicts = verdicts_in(file)
        except ConfigError as error:
            line, reason = _place(error.message.removeprefix(f"{file}:"))
            hint = f" ({error.hint})" if error.hint else ""
            yield _row(file, line, "", _REFUSED, [reason + hint])
            continue
        for one in verdicts:
            yield _row(file, one.line, one.id, str(one.status), list(one.reasons))


def _place(message: str) -> tuple[int, str]:
    """The line that a message begins with, and the rest of it."""
    number, colon, rest = message.partition(":")
    return (int(number), rest.strip()) if colon and number.isdigit() else (1, message.strip())


def _row(file: Path, line: int, rule: str, status: str, reasons: list[str]) -> Json:
    return {"file": str(file), "line": line, "rule": rule, "status": status, "reasons": reasons}


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Rule files, also in Semgrep's format.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", envvar="TYRIAN_CODE_JSON", help="Write JSON.")
    ] = False,
) -> None:
    """Tell of each rule whether it holds as written: exact, degraded or refused, and why.

    Exit codes: 0 every rule can be used, 1 one is refused.
    """
    rows = list(judged(files))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            reasons = row["reasons"]
            why = f": {'; '.join(reasons)}" if isinstance(reasons, list) and reasons else ""
            told = f"{row['file']}:{row['line']}: {row['status']:<8} {row['rule']}{why}"
            typer.echo(plain(told))
    refused = sum(row["status"] == _REFUSED for row in rows)
    typer.echo(f"{len(rows)} rules, {refused} refused", err=True)
    raise typer.Exit(ExitCode.FOUND if refused else ExitCode.CLEAN)
