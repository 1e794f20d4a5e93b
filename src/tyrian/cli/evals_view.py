"""`tyrian eval view`: finished runs in a browser, served on this machine alone."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.plain import plain
from tyrian.errors import ConfigError, MissingDependencyError
from tyrian.evals.run.results import finished_below

LOOPBACK = "127.0.0.1"


def view(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Directory of finished runs.")
    ] = Path("evals"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0 takes a free one.")
    ] = 7575,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Show them in Inspect AI's viewer instead of ours.")
    ] = False,
) -> None:
    """Look at finished runs in a browser: figures, cases, whole conversations."""
    root = directory.absolute()
    found = finished_below(root)
    if inspect:
        from tyrian.cli.evals_export import written

        with tempfile.TemporaryDirectory(prefix="tyrian-view-") as logs:
            written(found, Path(logs), "eval")
            raise typer.Exit(_inspect(Path(logs), port))
    from tyrian.evals.view.app import Viewer

    bound = _bound(port)
    typer.echo(f"{len(found)} runs at http://{LOOPBACK}:{bound.getsockname()[1]}/ (Ctrl-C ends it)")
    sys.stdout.flush()
    import uvicorn

    config = uvicorn.Config(
        Viewer(root).app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[bound])


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ConfigError(
            f"port {port} on {LOOPBACK} cannot be used: {error.strerror}",
            hint="another one with --port, or --port 0 for any",
        ) from None


def _inspect(logs: Path, port: int) -> int:
    program = Path(sys.executable).parent / "inspect"
    name = str(program) if program.exists() else shutil.which("inspect")
    if name is None:
        raise MissingDependencyError(
            "Inspect AI's viewer is not installed", hint="pip install 'tyrian[inspect]'"
        )
    with _bound(port) as probe:
        chosen = probe.getsockname()[1]
    typer.echo(plain(f"Inspect's viewer at http://{LOOPBACK}:{chosen}/ (Ctrl-C ends it)"))
    sys.stdout.flush()
    argv = [name, "view", "start", "--log-dir", str(logs), "--host", LOOPBACK]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the viewer ends with us
    process = subprocess.Popen([*argv, "--port", str(chosen)])  # noqa: S603
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()
