"""`tyrian review`: list what waits for a person, look at it, approve or refuse it."""

import dataclasses
import getpass
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, TypeVar

import typer

from tyrian.cli.columns import aligned, date
from tyrian.cli.keys import DatabaseOption, DataOption, Format, FormatOption, on_store
from tyrian.errors import ConfigError, InputError
from tyrian.gateway.reviews import MAX_LISTED, MAX_NOTE, STATUSES, ReviewRecord, Reviews
from tyrian.review.text import cut

T = TypeVar("T")

app = typer.Typer(
    help="Decide on what waits for a person.", no_args_is_help=True, add_completion=False
)

_MAX_BY = 40

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The review's id, `rev_...`.")]
NoteOption = Annotated[str, typer.Option(help="Why; kept with the review.")]
ByOption = Annotated[
    str,
    typer.Option(envvar="TYRIAN_REVIEWER", help="Who decides.", show_default="this user"),
]


@app.command("list")
def list_reviews(
    status: Annotated[
        str, typer.Option(help=f"Only these: {', '.join(STATUSES)}; `all` for every one.")
    ] = "pending",
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="The newest so many.")] = 100,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """List what waits, newest first."""
    if status not in (*STATUSES, "all"):
        raise ConfigError(
            f"{status!r} is not the status of a review", hint=f"one of {', '.join(STATUSES)}, all"
        )
    wanted = "" if status == "all" else status
    found = _with_reviews(lambda reviews: reviews.list(wanted, limit), data, database)
    if output is Format.JSON:
        typer.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=2))
        return
    if not found:
        typer.echo("nothing waits" if status == "pending" else "no such reviews", err=True)
        return
    rows = [("ID", "STATUS", "MADE", "EXPIRES", "STAGE", "ASKS FOR")]
    rows += [
        (
            one.id,
            one.status,
            date(one.created_at),
            date(one.expires_at),
            one.stage,
            cut(", ".join(str(call["tool"]) for call in one.calls))[:60] or "a message",
        )
        for one in found
    ]
    for line in aligned(rows):
        typer.echo(line)


@app.command()
def show(
    review_id: IdArgument,
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Show one: its calls as they came and as they would be made, and the rules that ask."""
    _write(_with_reviews(lambda reviews: _known(reviews, review_id), data, database), output)


@app.command()
def approve(
    review_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = "",
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let it go on, once, in the very form that `show` shows."""
    _decide(review_id, True, (note, by), output, (data, database))


@app.command()
def refuse(
    review_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = "",
    output: FormatOption = Format.TEXT,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Refuse it, and the same again until it expires."""
    _decide(review_id, False, (note, by), output, (data, database))


def _decide(
    review_id: str, is_approved: bool, said: tuple[str, str], output: Format, place: Any
) -> None:
    note, by = said
    if len(note) > MAX_NOTE:
        raise ConfigError(f"the note has more than {MAX_NOTE} characters", hint="write less")
    who = f"cli:{by or _user()}"
    if len(who) > _MAX_BY:
        raise ConfigError(f"--by has more than {_MAX_BY - 4} characters", hint="write less")

    async def act(reviews: Reviews) -> ReviewRecord:
        await _known(reviews, review_id)
        return await reviews.decide(review_id, is_approved=is_approved, by=who, note=note)

    decided = _with_reviews(act, *place)
    if output is Format.JSON:
        typer.echo(json.dumps(dataclasses.asdict(decided), indent=2))
    else:
        typer.echo(f"{decided.status} {decided.id}")


async def _known(reviews: Reviews, review_id: str) -> ReviewRecord:
    found = await reviews.get(review_id)
    if found is None:
        raise InputError("there is no such review", hint="see: tyrian review list --status all")
    return found


def _with_reviews(act: Callable[[Reviews], Awaitable[T]], data: Any, database: str | None) -> T:
    return on_store(lambda store: act(Reviews(store)), data, database)


def _write(review: ReviewRecord, output: Format) -> None:
    if output is Format.JSON:
        typer.echo(json.dumps(dataclasses.asdict(review), indent=2))
        return
    for line in _lines(review):
        typer.echo(line)


def _lines(review: ReviewRecord) -> Iterator[str]:
    """Printable ASCII: what a model wrote cannot move the cursor or hide."""
    left_s = review.expires_at - time.time()
    until = f", {left_s / 60:.0f} minutes left" if review.status == "pending" else ""
    yield f"{review.id}: {review.status} at stage {review.stage}{until}"
    yield f"  key       {review.key_id}"
    for call in review.calls:
        yield f"  call      {cut(str(call['tool']))} ({call['effect']} by {cut(str(call['rule']))})"
        yield f"  given     {cut(str(call['arguments']))}"
        if call.get("canonical") is not None:
            yield f"  canonical {cut(json.dumps(call['canonical']))}"
        if call.get("sources"):
            yield f"  quotes    {cut(_listed(call['sources']))}"
        if call.get("labels"):
            yield f"  holds     {cut(_listed(call['labels']))}"
    if not review.calls and review.message is not None:
        yield f"  message   {cut(str(review.message.get('content') or ''))}"
    for reason in review.reasons:
        yield f"  because   {cut(str(reason['rule']))}: {cut(str(reason['message']))}"
    if review.decided_by:
        note = f": {cut(review.note)}" if review.note else ""
        yield f"  decided   by {cut(review.decided_by)}, {date(review.decided_at or 0)}{note}"


def _listed(words: Any) -> str:
    return ", ".join(map(str, words))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
