"""`tyrian bom diff`: what changed between two bills of materials."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_lock_text import Format
from tyrian.cli.plain import plain
from tyrian.supply.aibom.diff import Difference, FieldChange, difference
from tyrian.supply.aibom.document import BomError, read
from tyrian.supply.aibom.schema import schema_faults
from tyrian.supply.aibom.spdx_check import is_spdx

_LONGEST = 100


def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The earlier document.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later document.")],
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Tell what was added, removed and changed: versions, pins, hashes, licences, settings.

    Exit codes: 0 nothing changed, 1 something did, 2 usage, 3 one could not be read.
    """
    documents = [read(path) for path in (before, after)]
    for path, document in zip((before, after), documents, strict=True):
        fault = None if is_spdx(document) else next(schema_faults(document), None)
        if fault:
            raise BomError(
                f"{path} is not valid: {fault.pointer or '/'}: {fault.why}",
                hint=f"tyrian bom validate {path} tells all",
            )
    found = difference(*documents)
    if output_format is Format.JSON:
        typer.echo(json.dumps({"changes": [_row(one) for one in found]}, indent=2))
    else:
        for line in (line for one in found for line in _lines(one)):
            typer.echo(plain(line))
        if not found:
            typer.echo("nothing changed", err=True)
    raise typer.Exit(ExitCode.FOUND if found else ExitCode.CLEAN)


def _row(one: Difference) -> dict[str, object]:
    fields = [{"field": f.field, "was": f.was, "now": f.now} for f in one.fields]
    return {"kind": str(one.kind), "what": one.what, "name": one.name, "fields": fields}


def _lines(one: Difference) -> Iterator[str]:
    yield f"{one.kind:<8} {one.what} {one.name}"
    yield from (f"           {_field(field)}" for field in one.fields)


def _field(one: FieldChange) -> str:
    name = one.field.removeprefix("tyrian:")
    if one.field == "needs" and one.was and one.now:
        return f"needs: now {_short(one.now)}; no longer {_short(one.was)}"
    if not one.was:
        return f"{name}: now {_short(one.now)}"
    if not one.now:
        return f"{name}: no longer {_short(one.was)}"
    return f"{name}: {_short(one.was)} -> {_short(one.now)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"
