"""`tyrian stack`: check, explain and describe stack files."""

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.core.detection import DetectorInfo, Stage
from tyrian.errors import ConfigError, StackError
from tyrian.firewall.firewall import Firewall
from tyrian.stack.check import warnings
from tyrian.stack.explain import as_text, explain
from tyrian.stack.json_schema import stack_json_schema
from tyrian.stack.load import default_stack, default_text, load_stack, read_text, stack_faults
from tyrian.stack.schema import AuditSpec, Stack

app = typer.Typer(help="Check and explain stack files.", no_args_is_help=True)

Infos = tuple[tuple[Stage, DetectorInfo], ...]


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
]


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The stack file.")],
    output: FormatOption = Format.TEXT,
) -> None:
    """Tell every fault of a stack file, with its place; exit 1 if there is one."""
    found = stack_faults(read_text(file), base=file.absolute().parent, file=str(file))
    faults: list[ConfigError] = []
    infos: Infos = ()
    if isinstance(found, Stack):
        try:
            infos = detectors_of(found)
        except ConfigError as error:
            faults = [error]
    else:
        faults = list(found)
    stack = found if isinstance(found, Stack) else None
    told = (*(warnings(stack) if stack else ()), *fallbacks(infos))
    if output is Format.JSON:
        typer.echo(json.dumps(_report(file, faults, told), indent=2))
    else:
        _tell(file, stack, faults, told)
    raise typer.Exit(ExitCode.FOUND if faults else ExitCode.CLEAN)


def _tell(
    file: Path, stack: Stack | None, faults: list[ConfigError], told: tuple[str, ...]
) -> None:
    for fault in faults:
        typer.echo(str(fault))
    for warning in told:
        typer.echo(f"warning: {warning}", err=True)
    if faults:
        typer.echo(f"{file}: {len(faults)} fault{'s' * (len(faults) > 1)}", err=True)
    elif stack:
        typer.echo(f"{file}: ok, {len(stack.guards())} guards")


def _report(file: Path, faults: list[ConfigError], told: tuple[str, ...]) -> dict[str, object]:
    return {
        "file": str(file),
        "ok": not faults,
        "faults": [
            {
                "line": fault.line if isinstance(fault, StackError) else 0,
                "column": fault.column if isinstance(fault, StackError) else 0,
                "message": fault.message,
                "hint": fault.hint,
            }
            for fault in faults
        ],
        "warnings": list(told),
    }


@app.command()
def schema() -> None:
    """Print the JSON Schema of the stack file, for editors."""
    typer.echo(json.dumps(stack_json_schema(), indent=2))


@app.command("explain")
def explain_file(
    file: Annotated[
        Path | None, typer.Argument(help="The stack file; the default stack without one.")
    ] = None,
    output: FormatOption = Format.TEXT,
    source: Annotated[
        bool, typer.Option("--source", help="Print the default stack as a file to start from.")
    ] = False,
) -> None:
    """Tell what each guard does at its stage, what really runs, and what fell back."""
    if source:
        if file is not None:
            raise ConfigError("--source prints the default stack", hint="leave FILE out")
        typer.echo(default_text(), nl=False)
        return
    stack = load_stack(file) if file else default_stack()
    explanation = explain(stack, detectors_of(stack))
    if output is Format.JSON:
        typer.echo(json.dumps(dataclasses.asdict(explanation), indent=2))
    else:
        typer.echo(as_text(explanation))


def detectors_of(stack: Stack) -> Infos:
    """The detectors as a firewall builds them; without opening the stack's audit file."""
    return Firewall.from_stack(stack.model_copy(update={"audit": AuditSpec()})).infos()


def fallbacks(infos: Infos) -> tuple[str, ...]:
    """One line for each guard that runs otherwise than the file asks for."""
    lines = (f"{info.name}: {info.fallback}" for _, info in infos if info.fallback)
    return tuple(dict.fromkeys(lines))
