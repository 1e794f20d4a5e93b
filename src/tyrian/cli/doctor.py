"""`tyrian doctor`: what is installed, whether it works, and what is missing."""

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.inventory import inventory
from tyrian.cli.item import Item, State
from tyrian.cli.progress import progress


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


def doctor(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            envvar="TYRIAN_DOCTOR_MODEL",
            help="A model directory to test beside the pulled ones; repeatable.",
        ),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
    ] = Format.TEXT,
) -> None:
    """Show what is installed and which weights are there, test them, and say how to get the rest.

    Exit codes: 0 all that is here works, 1 a model is refused, 3 something needed is broken.
    """
    with progress("testing models", None, is_wanted=True):
        items = list(inventory(model or ()))
    if output is Format.JSON:
        typer.echo(json.dumps([dataclasses.asdict(item) for item in items], indent=2))
    else:
        typer.echo("\n".join(_lines(items)))
    states = {item.state for item in items}
    if State.REFUSED in states:
        raise typer.Exit(ExitCode.FOUND)
    raise typer.Exit(ExitCode.NOT_CHECKED if State.BROKEN in states else ExitCode.CLEAN)


def _lines(items: list[Item]) -> list[str]:
    lines: list[str] = []
    section = ""
    width = max(len(item.name) for item in items)
    for item in items:
        if item.section != section:
            section = item.section
            lines += ([""] if lines else []) + [section]
        lines.append(f"  {item.state.value:<7}  {item.name:<{width}}  {item.detail}".rstrip())
        if item.get:
            lines.append(f"  {'':<7}  {'':<{width}}  get it: {item.get}")
    return lines
