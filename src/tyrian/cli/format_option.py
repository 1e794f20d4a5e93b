"""The option that says how a result is written."""

from typing import Annotated

import typer

from tyrian.cli.model_lock_text import Format

FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
]
