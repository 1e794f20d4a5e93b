"""`tyrian bom validate`: whether documents are valid, by the schema and by what they mean."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_text import Format
from tyrian.cli.plain import plain
from tyrian.errors import InputError
from tyrian.supply.aibom.document import read
from tyrian.supply.aibom.validate import faults_of, format_of


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Documents of CycloneDX 1.6, 1.7 or SPDX 3.0.1."),
    ],
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Check documents: the official schema, references, unique names, hashes, package URLs, types.

    Exit codes: 0 all are valid, 1 one is not, 2 usage, 3 one could not be read.
    """
    worst = ExitCode.CLEAN
    told: list[dict[str, object]] = []
    for path in paths:
        row: dict[str, object] = {"file": str(path)}
        try:
            document = read(path)
            found = faults_of(document)
        except InputError as error:
            row |= {"ok": False, "error": error.message, "hint": error.hint}
            worst = ExitCode.NOT_CHECKED
        else:
            faults = [{"pointer": f.pointer, "rule": f.rule, "message": f.why} for f in found]
            row |= {"format": format_of(document), "ok": not found, "faults": faults}
            if found and worst is ExitCode.CLEAN:
                worst = ExitCode.FOUND
        told.append(row)
        if output_format is Format.TEXT:
            _tell(path, row)
    if output_format is Format.JSON:
        typer.echo(json.dumps({"documents": told}, indent=2))
    raise typer.Exit(worst)


def _tell(path: Path, row: dict[str, object]) -> None:
    if "error" in row:
        typer.echo(
            f"error: {plain(str(row['error']))}\n  hint: {plain(str(row['hint']))}", err=True
        )
        return
    faults = row["faults"]
    for one in faults if isinstance(faults, list) else ():
        typer.echo(plain(f"{path}: {one['pointer'] or '/'}: {one['message']} ({one['rule']})"))
    count = len(faults) if isinstance(faults, list) else 0
    end = f"{count} fault{'s' * (count != 1)}" if count else "valid"
    typer.echo(plain(f"{path}: {row['format']}, {end}"), err=bool(count))
