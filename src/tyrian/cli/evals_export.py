"""`tyrian eval export`: finished runs as logs of Inspect AI."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.plain import plain
from tyrian.errors import MissingDependencyError
from tyrian.evals.run.results import Finished, finished_below


class LogFormat(StrEnum):
    """How Inspect's logs are written."""

    EVAL = "eval"
    JSON = "json"


def export(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Directories of finished runs.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the logs.")] = Path(
        "logs"
    ),
    log_format: Annotated[
        LogFormat, typer.Option("--format", help="Inspect's own archive, or JSON.")
    ] = LogFormat.EVAL,
) -> None:
    """Write finished runs as logs of Inspect AI: `inspect view --log-dir DIR` shows them."""
    found = [one for run in runs for one in finished_below(run)]
    for path in written(found, output, log_format.value):
        typer.echo(plain(str(path)))


def written(found: list[Finished], output: Path, log_format: str) -> list[Path]:
    """Write the logs; MissingDependencyError names the extra where Inspect is not installed."""
    try:
        from tyrian.evals.engines.inspect_log import exported
    except ImportError as error:
        raise MissingDependencyError(
            f"logs of Inspect AI need Inspect AI: {error}",
            hint="pip install 'tyrian[inspect]'",
        ) from None
    return [exported(one, output, log_format) for one in found]
