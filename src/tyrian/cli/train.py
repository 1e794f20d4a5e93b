"""`tyrian train`: the guard models, trained further on labelled rows."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.labelled import Read, read_labelled
from tyrian.errors import ConfigError
from tyrian.models.own import CONTENT_GUARD, PROMPT_GUARD, own_weights, shipped_weights
from tyrian.tuning.card import CARD, new_labels, table
from tyrian.tuning.examples import contradictions
from tyrian.tuning.labels import Vocabulary
from tyrian.tuning.train import Trained, train_embedded

app = typer.Typer(
    help="Train guard models further on your own labelled rows.", no_args_is_help=True
)


class Backend(StrEnum):
    """What the model is."""

    EMBEDDED = "embedded"
    TORCH = "torch"


DataOption = Annotated[
    str, typer.Option("--data", metavar="ROWS.jsonl|-", help="Rows of `tyrian scan`, labelled.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Directory for the model.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write it even if it forgot what it knew, or replace one.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")]


@app.command(PROMPT_GUARD)
def prompt_guard(
    data: DataOption,
    out: OutOption = None,
    backend: Annotated[
        Backend, typer.Option(envvar="TYRIAN_BACKEND", help="Which kind of model.")
    ] = Backend.EMBEDDED,
    model: Annotated[
        str,
        typer.Option(help="Directory to start from; for torch also a name on the shelf."),
    ] = "",
    epochs: Annotated[
        int, typer.Option(min=1, max=100, help="For torch: how often each row is seen.")
    ] = 3,
    rate: Annotated[
        float, typer.Option(min=1e-8, max=1.0, help="For torch: how large a step each batch makes.")
    ] = 2e-5,
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a prompt guard further: rows labelled benign, injection or jailbreak."""
    read = _read(PROMPT_GUARD, data, is_quiet=quiet)
    if backend is Backend.TORCH:
        trained = _torch(read, model, epochs, rate, is_quiet=quiet)
        _finish(trained, out or Path("prompt-guard-torch-own"), read, force=force)
    _embedded(PROMPT_GUARD, read, model, out, force=force, is_quiet=quiet)


@app.command(CONTENT_GUARD)
def content_guard(
    data: DataOption,
    out: OutOption = None,
    backend: Annotated[
        Backend, typer.Option(envvar="TYRIAN_BACKEND", help="Which kind of model.")
    ] = Backend.EMBEDDED,
    model: Annotated[str, typer.Option(help="Directory to start from.")] = "",
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train the content guard further: rows labelled benign, S1 to S14, or labels of your own."""
    if backend is Backend.TORCH:
        raise ConfigError(
            "a content guard in torch is a Llama Guard, which is no classifier to train here",
            hint="give it classes of your own in a taxonomy file, or use --backend embedded",
        )
    read = _read(CONTENT_GUARD, data, is_quiet=quiet)
    _embedded(CONTENT_GUARD, read, model, out, force=force, is_quiet=quiet)


def _read(name: str, source: str, *, is_quiet: bool) -> Read:
    read = read_labelled(source)
    if name == PROMPT_GUARD:
        read.refuse_unknown(Vocabulary())
    read.faults += [
        f"lines {one.line} and {other.line}: the same text, once safe and once unsafe; left out"
        for one, other in contradictions(name, read.rows)
    ]
    if not is_quiet:
        for fault in read.told():
            typer.echo(f"note: {fault}", err=True)
    return read


def _embedded(
    name: str, read: Read, start: str, out: Path | None, *, force: bool, is_quiet: bool
) -> None:
    data = own_weights(Path(start), name) if start else shipped_weights(name)

    def tell(line: str) -> None:
        if not is_quiet:
            typer.echo(line, err=True)

    trained = train_embedded(name, data, read.rows, tell)
    _finish(trained, out or Path(f"{name}-own"), read, force=force)


def _torch(read: Read, model: str, epochs: int, rate: float, *, is_quiet: bool) -> Trained:
    from tyrian.tuning.train_torch import train_torch

    def tell(line: str) -> None:
        if not is_quiet:
            typer.echo(line, err=True)

    return train_torch(model, read.rows, epochs=epochs, rate=rate, tell=tell)


def _finish(trained: Trained, out: Path, read: Read, *, force: bool) -> None:
    """Write the model, unless it forgot too much; show what became of it."""
    try:
        _write(trained, out, force=force)
    finally:
        trained.close()
    typer.echo(f"written to {out}; {out / CARD} has the figures and how to use it")
    raise typer.Exit(ExitCode.NOT_CHECKED if read.faults else ExitCode.CLEAN)


def _write(trained: Trained, out: Path, *, force: bool) -> None:
    typer.echo("\n".join(table(trained.made.compared)))
    if trained.made.new_labels:
        typer.echo(new_labels(trained.made))
    if trained.lost and not force:
        typer.echo(f"refused: it forgot what it knew: {'; '.join(trained.lost)}", err=True)
        typer.echo(
            "  hint: label more varied rows, or write it all the same with --force", err=True
        )
        raise typer.Exit(ExitCode.FOUND)
    if out.exists() and not force and not _is_ours(out):
        raise ConfigError(
            f"{str(out)!r} is there already and no model of this command",
            hint="choose another --out, or --force",
        )
    trained.write(out)


def _is_ours(directory: Path) -> bool:
    return directory.is_dir() and ((directory / CARD).is_file() or not any(directory.iterdir()))
