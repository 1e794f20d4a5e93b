"""`tyrian bom page`: a bill of materials for people."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.errors import ConfigError
from tyrian.supply.aibom.document import read
from tyrian.supply.aibom.page.page import as_page
from tyrian.supply.aibom.schema import spec_of
from tyrian.supply.aibom.spdx_check import is_spdx
from tyrian.supply.aibom.validate import faults_of
from tyrian.supply.lock.write import write_whole


def page(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A document of CycloneDX.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default="FILE with .html"),
    ] = None,
) -> None:
    """Write one HTML file that needs nothing else, on screen and on paper.

    Exit codes: 0 written, 2 usage, 3 the document could not be read. What is not valid in it stands
    at the head of the page.
    """
    document = read(path)
    if is_spdx(document):
        raise ConfigError("pages are made of CycloneDX", hint="tyrian bom create writes it")
    spec_of(document)
    target = output or path.with_suffix(".html")
    found = faults_of(document)
    if any(one.rule == "schema" for one in found):
        first = found[0]
        raise ConfigError(
            f"{path} is not valid: {first.pointer}: {first.why}",
            hint=f"tyrian bom validate {path} tells all",
        )
    write_whole(target, as_page(document, found).encode("utf-8", "replace"))
    typer.echo(str(target))
