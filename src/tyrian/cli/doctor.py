"""`tyrian doctor`: what is installed, and what each missing piece would give."""

import dataclasses
import json
from enum import StrEnum
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.inventory import Item, State, inventory


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


def doctor(
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
    ] = Format.TEXT,
) -> None:
    """Show what is installed, which weights are there, and what each missing piece would give.

    Exit codes: 0 all that is needed works, 3 something needed is broken.
    """
    items = list(inventory())
    if output is Format.JSON:
        typer.echo(json.dumps([dataclasses.asdict(item) for item in items], indent=2))
    else:
        typer.echo("\n".join(_lines(items)))
    is_broken = any(item.state is State.BROKEN for item in items)
    raise typer.Exit(ExitCode.NOT_CHECKED if is_broken else ExitCode.CLEAN)


def _lines(items: list[Item]) -> list[str]:
    lines: list[str] = []
    section = ""
    width = max(len(item.name) for item in items)
    for item in items:
        if item.section != section:
            section = item.section
            lines += ([""] if lines else []) + [section]
        lines.append(f"  {item.state.value:<6}  {item.name:<{width}}  {item.detail}".rstrip())
        if item.get:
            lines.append(f"  {'':<6}  {'':<{width}}  get it: {item.get}")
    return lines
