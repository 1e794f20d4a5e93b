"""`tyrian organisation`: make and list organisations, and grant them tiers."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tyrian.cli.keys import DatabaseOption, DataOption, Format, FormatOption, read_life_span
from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.organisations import OrganisationRecord, Organisations
from tyrian.gateway.accounts.tiers import Tier
from tyrian.gateway.home import DATABASE_NAME, state_directory
from tyrian.gateway.store.engine import Store

T = TypeVar("T")

app = typer.Typer(
    help="Make and list organisations; grant them tiers.",
    no_args_is_help=True,
    add_completion=False,
)

TierOption = Annotated[Tier, typer.Option("--tier", help="What its keys may use.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Its name.")],
    tier: TierOption = Tier.DEVELOPER,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make an organisation with one project; it sees nothing of any other."""
    made = _with(lambda them: them.create(name, tier=tier), data, database)
    _show([made], output)


@app.command("list")
def list_all(
    output: FormatOption = Format.TEXT, data: DataOption = None, database: DatabaseOption = None
) -> None:
    """List all organisations with their tiers and projects."""
    _show(list(_with(lambda them: them.list(), data, database)), output)


@app.command()
def grant(
    organisation_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, `org_...`.")],
    tier: Annotated[Tier, typer.Argument(help="The tier in the place of the one it has.")],
    expires: Annotated[
        str,
        typer.Option(envvar="TYRIAN_GRANT_EXPIRES", help="Life span, such as 180d, or never."),
    ] = "never",
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Grant a tier; running gateways heed it within a second."""
    life_s = read_life_span(expires)
    _with(lambda them: them.grant(organisation_id, tier, expires_in_s=life_s), data, database)
    typer.echo(f"{organisation_id} has the tier {tier}")


def _with(
    act: Callable[[Organisations], Awaitable[T]], data: Path | None, database: str | None
) -> T:
    store = Store.open(database or state_directory(data) / DATABASE_NAME)

    async def run() -> T:
        try:
            return await act(Organisations(store))
        except InputError as error:
            # The id came from the command line, so it is the command that is wrong.
            raise ConfigError(error.message, hint=error.hint) from error
        finally:
            await store.close()

    return asyncio.run(run())


def _show(records: list[OrganisationRecord], output: Format) -> None:
    if output is Format.JSON:
        typer.echo(json.dumps([dataclasses.asdict(record) for record in records], indent=2))
        return
    for record in records:
        typer.echo(f"{record.id}  {record.tier}  {', '.join(record.project_ids)}  {record.name}")
