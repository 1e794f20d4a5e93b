"""`tyrian bom format`: a document in the one form, with nothing lost."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tyrian.supply.aibom.document import encode, read
from tyrian.supply.aibom.validate import format_of
from tyrian.supply.lock.write import write_whole


def format_document(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A document, whoever wrote it.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default="standard output"),
    ] = None,
) -> None:
    """Write a document with sorted keys, and every member and digit of it.

    Exit codes: 0 written, 2 usage, 3 it could not be read.
    """
    document = read(path)
    format_of(document)
    data = encode(document)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_whole(output, data)
        typer.echo(str(output))
