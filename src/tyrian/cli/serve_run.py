"""A gateway in one process, or in several that serve one socket."""

import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import typer

from tyrian.cli.gateway_parts import Options
from tyrian.cli.start import bind, prepare, serve_until_stopped
from tyrian.cli.workers import Worker, fork_workers
from tyrian.errors import ConfigError, MissingDependencyError, StoreError
from tyrian.gateway.logging import configure


def run(options: Options, workers: int) -> None:
    """Serve with so many processes until a signal comes."""
    configure(options.log_format)
    if workers == 1:
        _serve_alone(options)
        return
    bound = bind(options.host, options.port)
    shared = Path(tempfile.mkdtemp(prefix="tyrian-metrics-"))
    role = fork_workers(workers)
    if isinstance(role, Worker):
        _serve_alone(replace(options, metrics=shared), bound, role.on_started)
        return
    shutil.rmtree(shared, ignore_errors=True)
    if role:
        raise typer.Exit(role)


def _serve_alone(
    options: Options,
    bound: socket.socket | None = None,
    when_announced: Callable[[], None] | None = None,
) -> None:
    """Serve in this process, as the first or only one, or as one more of several."""
    try:
        prepared = prepare(options, bound)
    except (StoreError, MissingDependencyError) as error:
        # Nothing was served: what is wrong is how this command was called.
        raise ConfigError(error.message, hint=error.hint) from error
    is_first = bound is None or when_announced is not None
    if not serve_until_stopped(prepared, is_first=is_first, when_announced=when_announced):
        raise typer.Exit(3)
