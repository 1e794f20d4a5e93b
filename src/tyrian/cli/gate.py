"""`tyrian gate`: what is unguarded in a change, and whether it may be shipped."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.gate_run import GateFormat, GateLevel, run_gate


def gate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Directories and files; here, where none is."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="TYRIAN_GATE_CONFIG",
            help="The gate's configuration.",
            show_default="tyrian-gate.yaml in the directory",
        ),
    ] = None,
    waivers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Further waivers, in the same form.")
    ] = None,
    level: Annotated[
        GateLevel | None,
        typer.Option(envvar="TYRIAN_GATE_LEVEL", help="Refuse, or tell and let pass."),
    ] = None,
    output_format: Annotated[
        GateFormat,
        typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the findings."),
    ] = GateFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write them there.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help="Write them in this form too; repeat for more."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Guards that must not become weaker.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the guards of all stacks as a baseline, and end."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Public key that may sign locks and attestations."),
    ] = None,
    gateway: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST[:PORT]", help="Address of a gateway; repeat for more."),
    ] = None,
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="Judge as on that day.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, and end.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No summary.")
    ] = False,
) -> None:
    """Say what is unguarded: agents, stacks, models, MCP servers and deployments.

    Exit codes: 0 may pass, 1 refused, 2 usage, 3 something was not examined.
    """
    raise typer.Exit(
        run_gate(
            paths,
            config=config,
            waivers=waivers,
            level=level,
            output_format=output_format,
            output=output,
            also=also,
            baseline=baseline,
            write_baseline=write_baseline,
            key=key,
            gateway=gateway,
            day=day,
            rules=rules,
            quiet=quiet,
        )
    )
