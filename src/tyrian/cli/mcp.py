"""`tyrian mcp`: a proxy between an MCP client and a server, and what was approved of servers."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tyrian.adapters.mcp.approval import Item, Standing, approved_of, items_of
from tyrian.adapters.mcp.catalogue import Catalogue, Unapproved
from tyrian.adapters.mcp.frame import BadFrameError
from tyrian.adapters.mcp.http import LOOPBACK, HttpProxy, new_trace_id, serve_http
from tyrian.adapters.mcp.judge import Judge
from tyrian.adapters.mcp.lock import DEFAULT_NAME, Lock, load_lock, save_lock
from tyrian.adapters.mcp.process import MAX_BYTES
from tyrian.adapters.mcp.stdio import serve_stdio
from tyrian.adapters.mcp.survey import Offer, survey_program, survey_url
from tyrian.adapters.mcp.wire import Wire
from tyrian.cli.ask import is_somebody_there
from tyrian.core.message import Trace
from tyrian.errors import ConfigError
from tyrian.firewall.firewall import Firewall

app = typer.Typer(
    no_args_is_help=True, help="Guard MCP servers: a proxy, and approvals that pin their tools."
)

_Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND ...", help="Starts the server.", show_default=False),
]
_Stack = Annotated[
    Path | None,
    typer.Option(
        "--stack", "-s", envvar="TYRIAN_STACK", help="Stack file; else the built-in stack guards."
    ),
]
_Url = Annotated[str | None, typer.Option("--url", help="URL of a server over HTTP.")]
_Name = Annotated[
    str | None,
    typer.Option("--name", help="Name of the server in the lock file; else its command or URL."),
]


@app.command()
def proxy(
    command: _Command = None,
    stack: _Stack = None,
    url: _Url = None,
    name: _Name = None,
    lock: Annotated[
        Path | None,
        typer.Option(envvar="TYRIAN_MCP_LOCK", help="Lock file; without one nothing is pinned."),
    ] = None,
    unapproved: Annotated[
        Unapproved, typer.Option(help="What becomes of tools that the lock file does not have.")
    ] = Unapproved.HIDE,
    host: Annotated[str, typer.Option(help="With --url: address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="With --url: port to listen on; 0 for a free one."),
    ] = 8090,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="With --url: another name under which clients may call; repeatable."),
    ] = None,
    max_message: Annotated[
        int, typer.Option(min=1_024, help="The longest message in bytes, in either direction.")
    ] = MAX_BYTES,
) -> None:
    """Stand between an MCP client and a server, and judge all that passes.

    Everything after -- starts the server: tyrian mcp proxy --stack stack.yaml -- npx some-server

    Over HTTP: tyrian mcp proxy --url https://example.com/mcp --port 8090
    """
    server = _server_name(command, url, name)
    approvals = load_lock(lock) if lock is not None else None
    firewall = _firewall(stack)

    def new_wire() -> Wire:
        judge = Judge(firewall, Trace(id=new_trace_id()))
        return Wire(judge, Catalogue(server, approvals, unapproved, _tell))

    if url is not None:
        hosts = LOOPBACK | {host} | set(allow_host or ())
        served = serve_http(
            HttpProxy(url, new_wire, frozenset(hosts), max_message, _tell), host, port
        )
    else:
        served = serve_stdio(new_wire(), command or [], max_bytes=max_message)
    _run(served, firewall)


@app.command()
def approve(
    command: _Command = None,
    stack: _Stack = None,
    url: _Url = None,
    name: _Name = None,
    lock: Annotated[
        Path, typer.Option(envvar="TYRIAN_MCP_LOCK", help="Lock file to write.")
    ] = Path(DEFAULT_NAME),
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Approve all that nothing speaks against.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Approve this tool or prompt whatever speaks against it; repeatable."),
    ] = None,
    header_env: Annotated[
        list[str] | None,
        typer.Option(
            help="With --url: HEADER=VARIABLE, a header from the environment; repeatable."
        ),
    ] = None,
) -> None:
    """Show what a server offers and pin what is approved in a lock file.

    Asks for each tool at a terminal; elsewhere it only reports, unless --yes is given. Ends with 1
    where something is left unapproved, so that it can check servers unattended.
    """
    server = _server_name(command, url, name)
    approvals = load_lock(lock, may_be_missing=True)
    headers = _headers(header_env or [])
    firewall = _firewall(stack)

    async def look() -> list[Item]:
        offer: Offer = await (
            survey_url(url, headers) if url is not None else survey_program(command or [])
        )
        return await items_of(server, offer, approvals, firewall)

    items = asyncio.run(look())
    accepted = set(accept or ())
    kept = [item for item in items if _is_approved(item, yes, accepted)]
    if yes or accepted or is_somebody_there():
        _save(lock, approvals, server, items, kept)
    left = [item for item in items if item.standing is not Standing.GONE and item not in kept]
    typer.echo(f"{len(kept)} approved, {len(left)} left, in {lock}", err=True)
    if left:
        raise typer.Exit(1)


def _is_approved(item: Item, yes: bool, accepted: set[str]) -> bool:
    """Show an item, and find out whether it is approved."""
    shown = ascii(item.name)[1:-1] if item.name else item.noun
    line = f"{item.standing:<8} {item.noun} {shown}"
    if item.warning is not None:
        line += f": {item.warning.reason} ({item.warning.rule})"
    typer.echo(line)
    if item.standing is Standing.GONE:
        return False
    if item.standing is Standing.SAME or item.name in accepted:
        return True
    if yes:
        return item.warning is None
    if not is_somebody_there():
        return False
    typer.echo("\n".join(f"    {ascii(text)[1:-1]}" for text in item.text.splitlines()), err=True)
    typer.echo("Approve it? Type yes, anything else does not: ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _save(path: Path, lock: Lock, server: str, items: list[Item], kept: list[Item]) -> None:
    """Write what is approved; what changed and is not stays known, and so hidden."""
    old = [
        replace(item, mark=item.before)
        for item in items
        if item not in kept and item.standing is Standing.CHANGED
    ]
    approved = approved_of([*kept, *old])
    if lock.servers.get(server) != approved:
        save_lock(path, lock.with_server(server, approved))


def _run(served: Coroutine[Any, Any, None], firewall: Firewall) -> None:
    """Run until the client ends or a signal comes; exit 3 where a side broke off."""

    async def guarded() -> None:
        task = asyncio.ensure_future(served)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return
        finally:
            await firewall.close()

    try:
        asyncio.run(guarded())
    except BadFrameError as bad:
        _tell(f"ended: {bad.message}")
        raise typer.Exit(3) from None


def _firewall(stack: Path | None) -> Firewall:
    return Firewall.from_stack(stack) if stack is not None else Firewall.default()


def _server_name(command: list[str] | None, url: str | None, name: str | None) -> str:
    if (url is None) == (not command):
        raise ConfigError(
            "there is no server" if url is None else "there are two servers",
            hint="give either -- COMMAND ... or --url URL",
        )
    if url is not None and urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError("--url is no http or https URL")
    return name or url or " ".join(command or [])


def _headers(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        header, _, variable = one.partition("=")
        if not header or variable not in os.environ:
            raise ConfigError(
                f"--header-env {one}: there is no such variable",
                hint="write HEADER=VARIABLE, such as Authorization=MY_TOKEN",
            )
        found[header] = os.environ[variable]
    return found


def _tell(text: str) -> None:
    typer.echo(f"tyrian mcp: {text}", err=True)
