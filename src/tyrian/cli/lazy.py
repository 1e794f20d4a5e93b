"""A group of commands that are imported when one of them is called, so that help stays quick."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
import typer.core
import typer.main

from tyrian.cli.imported import imported


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and the line that help shows for it."""

    target: str
    """`module:attribute`; the attribute is a command function or a `typer.Typer`."""
    help: str


class LazyGroup(typer.core.TyperGroup):
    """Shows its entries in help and completion without importing them."""

    entries: Mapping[str, Entry] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in self.entries.items():
            self.commands[name] = typer.core.TyperCommand(name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with, imported now."""
        if args and args[0] in self.entries:
            self.commands[args[0]] = load(args[0], self.entries[args[0]])
        return super().resolve_command(ctx, args)


def load(name: str, entry: Entry) -> Any:
    """Import an entry and make a command of it."""
    found = imported(entry.target)
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        found._add_completion = False
        command = typer.main.get_command(found)
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command()(found)
        command = typer.main.get_command(app)
    command.name = name
    return command
