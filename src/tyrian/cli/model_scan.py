"""`tyrian model scan`: what the files of a model would do, told without loading any of them."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.model_scan_run import ScanFormat, run_scan


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or directories of models.")
    ],
    output_format: Annotated[
        ScanFormat,
        typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the findings."),
    ] = ScanFormat.TEXT,
    sha256: Annotated[
        bool,
        typer.Option(
            "--sha256", envvar="TYRIAN_SHA256", help="Tell each file's digest too (json, jsonl)."
        ),
    ] = False,
    prompt_guard: Annotated[
        bool,
        typer.Option(
            "--prompt-guard",
            envvar="TYRIAN_PROMPT_GUARD",
            help="Have the embedded Prompt Guard read texts; it takes some licences for attacks.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk, no bar.")
    ] = False,
) -> None:
    """Tell what the files of a model would do; nothing of them is loaded or run.

    Exit codes: 0 all examined and clean, 1 something found, 2 usage, 3 something not examined.
    """
    raise typer.Exit(
        run_scan(
            paths,
            output_format=output_format,
            sha256=sha256,
            prompt_guard=prompt_guard,
            quiet=quiet,
        )
    )
