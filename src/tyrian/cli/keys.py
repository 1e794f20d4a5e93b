"""`tyrian keys`: make, list, rotate and revoke API keys."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tyrian.cli.columns import aligned, date
from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.keys import DAY_S, Keys
from tyrian.gateway.accounts.prices import NANOS_PER_USD
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.scopes import SCOPES
from tyrian.gateway.home import DATABASE_NAME, state_directory
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import DEFAULT_PROJECT
from tyrian.gateway.tokens import TOKEN_PATTERN, KeyKind

T = TypeVar("T")

app = typer.Typer(
    help="Make, list, rotate and revoke API keys.", no_args_is_help=True, add_completion=False
)


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="How to write the result.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="TYRIAN_HOME",
        help="Directory of keys and audit records.",
        show_default="~/.local/share/tyrian",
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="TYRIAN_DATABASE_URL",
        help="URL of the key store, if it is not the SQLite file in the data directory.",
    ),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The key's id, `key_...`.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")] = "default",
    kind: Annotated[
        KeyKind, typer.Option(envvar="TYRIAN_KEY_KIND", help="Kind; it stands in the key.")
    ] = KeyKind.LIVE,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do, repeatable: {', '.join(SCOPES)}."),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(envvar="TYRIAN_KEY_EXPIRES", help="Life span, such as 12h or 90d, or never."),
    ] = "90d",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model that it may use, repeatable; * and ? are wildcards."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(help="A network that it may come from, repeatable, such as 10.0.0.0/8."),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            envvar="TYRIAN_KEY_BUDGET",
            min=0,
            max=1e9,
            help="US dollars that it may spend in a month; no bound where it is left out.",
        ),
    ] = None,
    project: Annotated[
        str, typer.Option(envvar="TYRIAN_KEY_PROJECT", help="The project it belongs to.")
    ] = DEFAULT_PROJECT,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make a key and print its value, this once only."""
    life_s = read_life_span(expires)

    async def make(keys: Keys) -> tuple[KeyRecord, str]:
        made = await keys.create(
            name,
            kind=kind,
            scopes=scope,
            expires_in_s=life_s,
            models=model,
            networks=network,
            project_id=project,
        )
        if budget is not None:
            await keys.bound(made[0].id, int(budget * NANOS_PER_USD))
        return made

    record, token = _with_keys(make, data, database)
    _show_value(record, token, output)


@app.command("list")
def list_keys(
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """List all keys, without their values."""
    records = _with_keys(lambda keys: keys.list(), data, database)
    if output is Format.JSON:
        typer.echo(json.dumps([plain(record) for record in records], indent=2))
        return
    if not records:
        typer.echo("no keys yet; make one with: tyrian keys create NAME", err=True)
        return
    now = time.time()
    rows = [("ID", "STATUS", "VALUE", "EXPIRES", "LAST USED", "SCOPES", "NAME")]
    rows += [
        (
            record.id,
            record.status(now),
            record.redacted_value,
            date(record.expires_at),
            date(record.last_used_at),
            ",".join(sorted(record.scopes)),
            record.name,
        )
        for record in records
    ]
    for line in aligned(rows):
        typer.echo(line)


@app.command()
def rotate(
    key_id: IdArgument,
    overlap: Annotated[
        str,
        typer.Option(
            envvar="TYRIAN_KEY_OVERLAP", help="How long the old value stays good, such as 1h."
        ),
    ] = "0s",
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Give a key a new value and print it, this once only."""
    overlap_s = read_life_span(overlap, least=0)
    if overlap_s is None:
        raise ConfigError("an overlap must end", hint="for example --overlap 24h")
    record, token = _with_keys(
        lambda keys: keys.rotate(key_id, overlap_s=overlap_s), data, database
    )
    _show_value(record, token, output)


@app.command()
def revoke(
    key_id: IdArgument,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """End a key; running gateways refuse it within a second."""
    record = _with_keys(lambda keys: keys.revoke(key_id), data, database)
    if output is Format.JSON:
        typer.echo(json.dumps(plain(record), indent=2))
    else:
        typer.echo(f"revoked {record.id} ({record.name})")


@app.command("revoke-leaked")
def revoke_leaked(
    found: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOKEN]...", help="What was found; - reads standard input."),
    ] = None,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """End every key whose value stands in a text, such as the report of a secret scanner.

    Values on the command line stay in the shell's history; standard input is better.
    """
    texts = [sys.stdin.read() if text == "-" else text for text in found or ["-"]]
    tokens = sorted({token for text in texts for token in TOKEN_PATTERN.findall(text)})

    async def end(keys: Keys) -> list[KeyRecord]:
        ended = []
        for token in tokens:
            record = await keys.find(token)
            if record is not None:
                ended.append(await keys.revoke(record.id, reason="leaked"))
        return ended

    records = _with_keys(end, data, database)
    if output is Format.JSON:
        typer.echo(json.dumps([plain(record) for record in records], indent=2))
        return
    for record in records:
        typer.echo(f"revoked {record.id} ({record.name})")
    typer.echo(f"{len(tokens)} values found, {len(records)} of them keys of this store", err=True)


def open_keys(data: Path | None, database: str | None) -> tuple[Store, Keys]:
    """The key store that the options name, migrated and open."""
    store = Store.open(database or state_directory(data) / DATABASE_NAME)
    return store, Keys(store)


def on_store(act: Callable[[Store], Awaitable[T]], data: Path | None, database: str | None) -> T:
    """Do something on the key store that the options name; ids in it come from the user."""
    store, _ = open_keys(data, database)

    async def run() -> T:
        try:
            return await act(store)
        except InputError as error:
            # The id came from the command line, so it is the command that is wrong.
            raise ConfigError(error.message, hint=error.hint) from error
        finally:
            await store.close()

    return asyncio.run(run())


def _with_keys(act: Callable[[Keys], Awaitable[T]], data: Path | None, database: str | None) -> T:
    return on_store(lambda store: act(Keys(store)), data, database)


_LIFE_SPAN = re.compile(r"([0-9]{1,6})\s*([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}


def read_life_span(text: str, *, least: int = 1) -> int | None:
    """Seconds of `90d`, `12h`, `30m`, `45s` or `2w`; None for `never`."""
    cleaned = text.strip().lower()
    if cleaned == "never":
        return None
    found = _LIFE_SPAN.fullmatch(cleaned)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else -1
    if not least <= seconds <= 100 * 365 * DAY_S:
        raise ConfigError(
            f"{text!r} is not a length of time",
            hint="write a number and s, m, h, d or w, such as 90d, or never",
        )
    return seconds


def plain(record: KeyRecord) -> dict[str, object]:
    """The record as JSON shows it; times are seconds since 1970."""
    return {
        "id": record.id,
        "name": record.name,
        "kind": record.kind.value,
        "status": record.status(time.time()),
        "scopes": sorted(record.scopes),
        "tier": record.tier,
        "redacted_value": record.redacted_value,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
        "last_used_at": record.last_used_at,
    }


def _show_value(record: KeyRecord, token: str, output: Format) -> None:
    if output is Format.JSON:
        typer.echo(json.dumps({**plain(record), "value": token}, indent=2))
        return
    until = f"until {date(record.expires_at)}" if record.expires_at else "without an end"
    typer.echo(f"{record.id} ({record.name}), good {until}; shown only now:", err=True)
    sys.stderr.flush()
    typer.echo(token)
