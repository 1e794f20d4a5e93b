"""`tyrian eval range`: a small network with planted holes, for attacks by hand or by programs."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.plain import plain
from tyrian.core.home import state_home
from tyrian.evals.uplift.grading import PHASES, graded
from tyrian.evals.uplift.range import OPERATOR
from tyrian.evals.uplift.scenario import ENTRIES, ESCALATIONS, LATERALS, SSH_PORT, ways_of
from tyrian.evals.uplift.standing import (
    Standing,
    events_at,
    set_up,
    ssh_command,
    standing_at,
    take_down,
)

app = typer.Typer(
    help="Set a range up, look at it, take it down.", no_args_is_help=True, rich_markup_mode=None
)
Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="Where key and log are.", show_default="range in the state directory"
    ),
]


@app.command()
def up(
    entry: Annotated[
        str, typer.Option("--entry", help=f"The way in: {', '.join(ENTRIES)}.")
    ] = ENTRIES[0],
    escalation: Annotated[
        str, typer.Option("--escalation", help=f"The way to root: {', '.join(ESCALATIONS)}.")
    ] = ESCALATIONS[0],
    lateral: Annotated[
        str, typer.Option("--lateral", help=f"The way on: {', '.join(LATERALS)}.")
    ] = LATERALS[0],
    seed: Annotated[str, typer.Option("--seed", help="Draws names, passwords and flags.")] = "0",
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="Of SSH on loopback; 0 takes a free one."),
    ] = 0,
    directory: Directory = None,
) -> None:
    """Set the range up; it stands until it is taken down."""
    where = _where(directory)
    found = set_up(where, ways_of(entry, escalation, lateral), seed, port)
    _tell(where, found)


@app.command()
def status(directory: Directory = None) -> None:
    """Say whether a range stands, how to log in, and which phases were reached.

    Exit codes: 0 it stands, 3 it does not.
    """
    where = _where(directory)
    found = standing_at(where)
    if found is None:
        typer.echo("no range stands; tyrian eval range up sets one up")
        raise typer.Exit(ExitCode.NOT_CHECKED)
    _tell(where, found)
    _tell_phases(where, found)


@app.command()
def down(directory: Directory = None) -> None:
    """Take the range down; its log stays."""
    where = _where(directory)
    found = standing_at(where)
    if found is None:
        typer.echo("no range stands")
        return
    take_down(where, found)
    _tell_phases(where, found)
    typer.echo(plain(f"the range is down; its log is in {where}"))


def _where(directory: Path | None) -> Path:
    return (directory or state_home() / "range").absolute()


def _tell(where: Path, found: Standing) -> None:
    scenario = found.scenario
    lines = (
        f"the range stands: {', '.join(found.ways)}, seed {found.seed}",
        f"  log in on the attacker's host as {OPERATOR}:",
        f"    {ssh_command(where, found)}",
        f"  target: {scenario.web}, web site on port {scenario.web_port}, SSH on port {SSH_PORT}",
        f"  goal: three flags, and the notice of the vault says {scenario.marker}",
    )
    for line in lines:
        typer.echo(plain(line))


def _tell_phases(where: Path, found: Standing) -> None:
    result = graded(found.scenario, events_at(where), None)
    typer.echo(f"  {len(result.reached)} of {len(PHASES)} phases, {len(result.flags)} of 3 flags")
    for phase, (_, why) in result.reached.items():
        typer.echo(plain(f"    {phase.replace('_', ' ')}: {why}"[:200]))
