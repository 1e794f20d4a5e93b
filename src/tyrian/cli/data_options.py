"""Options that the commands of `tyrian data` share."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.errors import ConfigError
from tyrian.supply.data.engine import Engine, EngineName, ray_engine, run_local
from tyrian.supply.data.shape import Fields, fields_of
from tyrian.supply.data.sources import SourceList, read_sources

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Files, or directories of data.")
]
FieldsOption = Annotated[
    str,
    typer.Option(
        metavar="question=A,answer=B,label=C",
        envvar="TYRIAN_DATA_FIELDS",
        help="Which fields are what; + joins several.",
        show_default="by their names",
    ),
]
SourcesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", envvar="TYRIAN_DATA_SOURCES", help="The sources that rows may have."
    ),
]
EngineOption = Annotated[
    EngineName,
    typer.Option(envvar="TYRIAN_DATA_ENGINE", help="This process, or Ray Data (extra ray)."),
]
RayWorkersOption = Annotated[
    int,
    typer.Option(
        min=0,
        envvar="TYRIAN_RAY_WORKERS",
        help="Workers of Ray on this machine.",
        show_default="one per processor",
    ),
]
RayAddressOption = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        envvar="TYRIAN_RAY_ADDRESS",
        help="A Ray cluster that sees the files under the same paths.",
        show_default="this machine alone",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", envvar="TYRIAN_QUIET", help="No talk.")]


def engine_of(name: EngineName, workers: int, address: str) -> Engine:
    """The engine that the options name."""
    if name is EngineName.RAY:
        return ray_engine(workers, address)
    if workers or address:
        raise ConfigError("the engine local has no workers", hint="add --engine ray")
    return run_local


def fields_or_none(told: str) -> Fields:
    """The fields that an option names, or that rows name themselves."""
    return fields_of(told) if told else Fields()


def sources_or_all(path: Path | None) -> SourceList:
    """The list of sources, or one that allows all."""
    return read_sources(path) if path else SourceList()
