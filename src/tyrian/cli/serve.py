"""`tyrian serve`: a gateway with guards in front of any OpenAI-compatible model server."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.gateway_parts import Options
from tyrian.cli.start import bind, prepare, serve_until_stopped
from tyrian.cli.workers import Worker, fork_workers
from tyrian.errors import ConfigError, MissingDependencyError, StoreError
from tyrian.gateway.logging import configure


class LogFormat(StrEnum):
    """How logs are written."""

    JSON = "json"
    CONSOLE = "console"


def serve(
    stack: Annotated[
        Path | None,
        typer.Option(
            envvar="TYRIAN_STACK", help="Stack file; without one the built-in stack guards."
        ),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            envvar="TYRIAN_UPSTREAM",
            help="Base URL of a model server, such as http://127.0.0.1:8000/v1.",
        ),
    ] = None,
    upstream_key_env: Annotated[
        str,
        typer.Option(
            envvar="TYRIAN_UPSTREAM_KEY_ENV",
            help="Name of the environment variable that holds the model server's key.",
        ),
    ] = "",
    host: Annotated[
        str, typer.Option(envvar="TYRIAN_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="TYRIAN_PORT", min=0, max=65_535, help="Port to listen on; 0 takes a free one."
        ),
    ] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="TYRIAN_HOME",
            help="Directory of keys and audit records.",
            show_default="~/.local/share/tyrian",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="TYRIAN_DATABASE_URL",
            help="URL of the key store, if it is not the SQLite file in the data directory.",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            envvar="TYRIAN_REDIS_URL",
            help="URL of a Redis or Valkey server where all workers count rate limits together.",
        ),
    ] = None,
    no_guards: Annotated[
        bool,
        typer.Option(
            "--no-guards", envvar="TYRIAN_NO_GUARDS", help="Unsafe: pass everything unjudged."
        ),
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TYRIAN_ALLOWED_HOSTS",
            help="Host name that requests may be for; may be given more than once.",
            show_default="localhost where it listens there, else any",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TYRIAN_TRUSTED_PROXIES",
            help="Address or network of a proxy whose X-Forwarded-For is believed.",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            envvar="TYRIAN_WORKERS", min=1, max=64, help="Processes that serve; one per core."
        ),
    ] = 1,
    log_format: Annotated[
        LogFormat, typer.Option(envvar="TYRIAN_LOG_FORMAT", help="How logs are written.")
    ] = LogFormat.JSON,
) -> None:
    """Start the gateway; the first start makes a key and shows it."""
    os.umask(0o077)
    configure(log_format.value)
    options = Options(
        stack=stack,
        upstream=upstream or "",
        upstream_key_env=upstream_key_env,
        host=host,
        port=port,
        data=data,
        database=database or "",
        redis=redis or "",
        is_guarded=not no_guards,
        log_format=log_format.value,
        allowed_hosts=tuple(allowed_host or ()),
        trusted_proxies=tuple(trusted_proxy or ()),
    )
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
