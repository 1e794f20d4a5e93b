"""`tyrian model drift`: what changed since a model was approved, and which change was."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.exit import ExitCode
from tyrian.cli.format_option import FormatOption
from tyrian.cli.model_drift_text import change_lines, change_rows
from tyrian.cli.model_lock_text import Format
from tyrian.cli.model_lock_verify import CACHE_NAME, chosen_models
from tyrian.cli.progress import progress
from tyrian.cli.result import Json
from tyrian.core.home import state_home
from tyrian.errors import ConfigError
from tyrian.models.hub.client import Hub
from tyrian.models.hub.endpoint import endpoint_from_environment
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.drift.change import Change
from tyrian.supply.drift.compare import compare
from tyrian.supply.drift.look import look
from tyrian.supply.drift.tree import Leaf, Tree, record, recorded, tree_of_lock
from tyrian.supply.lock.cache import Cache
from tyrian.supply.lock.lock import LockedModel, ModelsLock, read_lock
from tyrian.supply.lock.signature import own_files
from tyrian.supply.lock.write import LOCK_NAME, write_whole


def drift(
    place: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|DIR]",
            help="A model of the lock, or its directory.",
            show_default="all models of the lock",
        ),
    ] = "",
    lock_path: Annotated[
        Path, typer.Option("--lock", metavar="FILE", envvar="TYRIAN_LOCK", help="The lock.")
    ] = Path(LOCK_NAME),
    before: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier lock: say which changes were approved."),
    ] = None,
    hub: Annotated[
        bool, typer.Option("--hub", help="Compare with the hub's list of files too.")
    ] = False,
    revision: Annotated[
        str,
        typer.Option(
            help="Branch, tag or commit to ask the hub for.", show_default="the approved commit"
        ),
    ] = "",
    tree: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A recorded tree of the hub, in place of asking it."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Record the hub's tree for later."),
    ] = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Do not read again what looks unchanged.")
    ] = False,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Tell what changed: on the disk, on the hub, and since an earlier lock.

    Exit codes: 0 nothing that was not approved, 1 drift, 2 usage, 3 the hub did not answer.
    """
    lock = read_lock(lock_path)
    earlier = read_lock(before) if before else None
    chosen = _chosen(lock, lock_path, place, is_hub=hub or tree is not None)
    if (tree or save) and len(chosen) != 1:
        raise ConfigError("a tree is of one model", hint="name the model: tyrian model drift NAME")
    found: list[tuple[LockedModel, list[Change]]] = []
    with ExitStack() as stack:
        cache = stack.enter_context(Cache(state_home() / CACHE_NAME)) if cached else None
        for model, directory in chosen:
            disk = _disk(model, directory, lock_path, cache) if directory else None
            other = _hub_tree(model, revision, tree) if hub or tree or save else None
            if save and other:
                write_whole(save, record(model.repository, other))
            old = earlier.model(model.name) if earlier else None
            was = tree_of_lock(old) if old else None
            found.append((model, compare(tree_of_lock(model), disk, other, was)))
    if output_format is Format.JSON:
        typer.echo(json.dumps({"models": [_row(*one) for one in found]}, indent=2))
    else:
        typer.echo("\n".join(line for one in found for line in change_lines(*one)))
    is_drift = any(change.is_failure for _, changes in found for change in changes)
    raise typer.Exit(ExitCode.FOUND if is_drift else ExitCode.CLEAN)


def _chosen(
    lock: ModelsLock, lock_path: Path, place: str, *, is_hub: bool
) -> list[tuple[LockedModel, Path | None]]:
    """The models that are meant; those that lie on no disk only where the hub is asked."""
    if is_hub and not (place and Path(place).is_dir()):
        named = [one for one in lock.models if not place or one.name == place]
        if any(not one.directory for one in named):
            below = lock_path.resolve().parent
            return [(one, below / one.directory if one.directory else None) for one in named]
    return [*chosen_models(lock.models, lock_path, place)]


def _disk(model: LockedModel, directory: Path, lock_path: Path, cache: Cache | None) -> Tree:
    total = sum(file.size for file in model.files)
    with progress(f"comparing {model.name}", total, is_wanted=True) as bar:
        left_out = own_files(directory, lock_path)
        return look(directory, model, left_out=left_out, cache=cache, advance=bar.advance)


def _hub_tree(model: LockedModel, revision: str, tree: Path | None) -> Tree:
    if tree:
        repository, found = recorded(read_bytes(tree), str(tree))
        if repository and repository != model.repository:
            raise ConfigError(f"{tree} is of {repository}, not of {model.repository or model.name}")
        return found
    if not model.repository:
        raise ConfigError(
            f"{model.name} has no repository on the hub", hint="leave --hub out for this model"
        )
    return asyncio.run(_asked(model.repository, revision or model.commit))


async def _asked(repository: str, revision: str) -> Tree:
    async with Hub(endpoint_from_environment()) as hub:
        listing = await hub.listing(repository, revision)
    leaves = {}
    for file in listing.files:
        kind, _, digest = file.digest.partition(":")
        size = -1 if file.size is None else file.size
        is_large = kind == "sha256"
        leaves[file.path] = Leaf(size, digest if is_large else "", "" if is_large else digest)
    return Tree(leaves, listing.commit)


def _row(model: LockedModel, changes: list[Change]) -> Json:
    return {"name": model.name, "commit": model.commit, "changes": change_rows(changes)}
