"""`tyrian store`: back up, restore and migrate the database of the gateway."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.keys import DatabaseOption, DataOption, Format, FormatOption
from tyrian.errors import ConfigError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import COMMAND
from tyrian.gateway.home import DATABASE_NAME, state_directory
from tyrian.gateway.store import backup as backups
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.migrate import SCHEMA
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION

app = typer.Typer(
    help="Back up, restore and migrate the gateway's database.",
    no_args_is_help=True,
    add_completion=False,
)


def _url(data: Path | None, database: str | None) -> str | Path:
    return database or state_directory(data) / DATABASE_NAME


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write a consistent copy of the database to a new file; gateways may run meanwhile."""
    done = backups.backup(_url(data, database), target)
    home = state_directory(data)
    beside = [str(home / name) for name in backups.BESIDE if (home / name).exists()]
    _tell(
        output,
        f"{done.rows} rows written to {target}",
        rows=done.rows,
        file=str(target),
        left_out=beside,
    )
    if beside:
        typer.echo(f"not in it, copy it too: {', '.join(beside)}", err=True)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", envvar="TYRIAN_STORE_REPLACE", help="Replace a database that holds keys."
        ),
    ] = False,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Put a backup, also an older one, into the database; stop all gateways before.

    Keys that were revoked since the backup stay revoked, and what was spent stays spent. Places,
    roles and passkeys that were taken away since stay away where the database that is replaced
    goes on from the backup; where it does not, this says so.
    """
    url = _url(data, database)
    done = backups.restore(source, url, is_replacing=replace)
    asyncio.run(_note(url, done))
    kept = f"; {done.kept_revoked} keys stay revoked" if done.kept_revoked else ""
    if done.kept_away:
        kept += f"; {done.kept_away} rights that were taken away since stay away"
    _tell(
        output,
        f"{done.rows} rows restored{kept}",
        rows=done.rows,
        kept_revoked=done.kept_revoked,
        kept_away=done.kept_away,
    )
    if done.kept_away is None:
        typer.echo(
            "what was taken away since the backup is not known here: keys, places and roles are as"
            " they were; look through them: tyrian keys list, and Members in the console",
            err=True,
        )


@app.command()
def upgrade(
    output: FormatOption = Format.TEXT, data: DataOption = None, database: DatabaseOption = None
) -> None:
    """Bring the database to the schema of this version, as the gateway does when it starts."""
    _move(SCHEMA, output, data, database)


@app.command()
def downgrade(
    revision: Annotated[
        str, typer.Argument(metavar="REVISION", help="The schema to go back to, such as 0002.")
    ],
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Bring the database back to the schema of an older version; make a backup before.

    What the older schema has no place for is lost. A key that would become good for more is
    revoked.
    """
    if revision > SCHEMA:
        raise ConfigError(
            f"the schema of this version is {SCHEMA}", hint="use tyrian store upgrade to go forward"
        )
    _move(revision, output, data, database)


def _move(revision: str, output: Format, data: Path | None, database: str | None) -> None:
    before, now = backups.change_schema(_url(data, database), revision)
    _tell(output, f"schema {before or 'none'} -> {now}", before=before, now=now)


async def _note(url: str | Path, done: backups.Copied) -> None:
    """The restore itself stands in the chain: it explains why the chain differs from others."""
    store = Store.open(url)
    try:
        async with store.write() as session:
            details = {
                "rows": done.rows,
                "kept_revoked": done.kept_revoked,
                "kept_away": done.kept_away,
            }
            await audit.append(session, DEFAULT_ORGANISATION, "store.restored", COMMAND, details)
    finally:
        await store.close()


def _tell(output: Format, text: str, **fields: object) -> None:
    typer.echo(json.dumps(fields, indent=2) if output is Format.JSON else text)
