"""`tyrian console`: a link that signs somebody in, for first starts and lost devices."""

import asyncio
from typing import Annotated

import typer

from tyrian.cli.keys import DatabaseOption, DataOption
from tyrian.cli.welcome import setup_line
from tyrian.gateway.console.sign_in.links import Links
from tyrian.gateway.home import DATABASE_NAME, state_directory
from tyrian.gateway.store.engine import Store

app = typer.Typer(help="Let people into the console.", no_args_is_help=True, add_completion=False)


@app.callback()
def _console() -> None:
    """Let people into the console."""


@app.command()
def link(
    email: Annotated[
        str,
        typer.Argument(help="Whom it signs in; without an address, the first owner."),
    ] = "",
    url: Annotated[
        str,
        typer.Option(envvar="TYRIAN_CONSOLE_URL", help="Address of the console, as people use it."),
    ] = "http://localhost:8080",
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print a link that signs a person in, once, within an hour."""

    store = Store.open(database or state_directory(data) / DATABASE_NAME)

    async def make() -> str:
        try:
            return await Links(store).make(email)
        finally:
            await store.close()

    typer.echo(setup_line(url.rstrip("/"), asyncio.run(make())))
