"""From the hub to the shelf: plan, then fetch; the directory appears whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tyrian.core.home import state_home
from tyrian.models.hub.catalogue import Entry, Licence
from tyrian.models.hub.client import Hub
from tyrian.models.hub.download import Advance, Download, Patience
from tyrian.models.hub.endpoint import Endpoint
from tyrian.models.hub.errors import HubError, RefusedError
from tyrian.models.hub.listing import Listing, RemoteFile
from tyrian.models.hub.lock import Lock, write_lock
from tyrian.models.hub.safetensors import is_safetensors
from tyrian.models.hub.selection import select
from tyrian.models.hub.shelf import ModelDir, described, shelf_directory

_DEFAULT_BRANCH = "main"
_SPARE = 64 << 20
"""Bytes that stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull would bring."""

    entry: Entry
    endpoint: Endpoint
    commit: str
    requested: str
    """Branch, tag or commit that the commit was resolved from."""
    licence: Licence
    is_gated: bool
    files: tuple[RemoteFile, ...]
    """With their sizes and digests."""
    left_out: tuple[str, ...]
    """Files of the repository that do not come."""
    has_pickle: bool

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size or 0 for file in self.files)

    @property
    def target(self) -> Path:
        """Where the directory will lie."""
        return shelf_directory() / self.entry.name / self.commit

    @property
    def partial(self) -> Path:
        """Where it lies until it is whole; what is here is used by the next attempt."""
        return self.target.with_name(f".{self.commit}.part")


async def make_plan(
    entry: Entry, endpoint: Endpoint, *, revision: str = "", is_pickle_allowed: bool = False
) -> Plan:
    """What a pull would bring: asks the hub, writes nothing.

    Without a revision the catalogue's pin, else the default branch as it stands now.
    """
    requested = revision or entry.revision or _DEFAULT_BRANCH
    async with Hub(endpoint) as hub:
        listing = await hub.listing(entry.repository, requested)
        selection = select(listing.files, is_pickle_allowed=is_pickle_allowed)
        files = [
            file
            if file.digest and file.size is not None
            else await hub.described(entry.repository, listing.commit, file)
            for file in selection.taken
        ]
    _check_known(files)
    return Plan(
        entry,
        endpoint,
        listing.commit,
        requested,
        _licence(entry, listing),
        listing.is_gated or entry.is_gated,
        tuple(files),
        selection.left_out,
        selection.has_pickle,
    )


def _check_known(files: list[RemoteFile]) -> None:
    for file in files:
        if file.size is None or not file.digest:
            raise RefusedError(
                f"the hub names no size or digest for {file.path}: it could not be checked",
                hint="HF_ENDPOINT may name a mirror that leaves them out; try another",
            )


def _licence(entry: Entry, listing: Listing) -> Licence:
    """The catalogue's licence; for other models what the hub's metadata says."""
    if entry.licence.name:
        return replace(entry.licence, tag=listing.licence or entry.licence.tag)
    page = f"https://huggingface.co/{entry.repository}"
    return Licence(listing.licence or "not stated", listing.licence_url or page, listing.licence)


async def fetch(plan: Plan, *, advance: Advance, patience: Patience | None = None) -> ModelDir:
    """Bring the planned files to the shelf; the caller has accepted the licence.

    A directory that lies there damaged is repaired: what is whole in it stays. HubError where the
    network, the hub or the disk fails; what has come waits for the next attempt.
    """
    accepted_at = _now()
    with _alone(plan):
        if plan.target.is_dir():
            _take_apart(plan)
        try:
            plan.partial.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HubError(f"{plan.partial}: {error.strerror}") from None
        _check_space(plan)
        async with Hub(plan.endpoint) as hub:
            download = Download(
                hub,
                plan.entry.repository,
                plan.commit,
                plan.partial,
                advance,
                patience or Patience(),
            )
            locked = tuple([await download.fetch(file) for file in plan.files])
        lock = Lock(
            name=plan.entry.name,
            repository=plan.entry.repository,
            revision=plan.commit,
            requested=plan.requested,
            endpoint=plan.endpoint.url,
            licence=plan.licence.name,
            licence_url=plan.licence.url,
            accepted_at=accepted_at,
            pulled_at=_now(),
            has_pickle=plan.has_pickle,
            files=locked,
        )
        _put_in_place(plan, lock)
    return described(plan.target)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Keep a second pull of the same model out; a killed one holds nothing."""
    try:
        state_home().mkdir(mode=0o700, parents=True, exist_ok=True)
        plan.target.parent.mkdir(parents=True, exist_ok=True)
        file = (plan.target.parent / ".lock").open("a")
    except OSError as error:
        raise HubError(
            f"{plan.target.parent}: {error.strerror}",
            hint="TYRIAN_HOME names another directory for models and keys",
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HubError(
                f"another pull of {plan.entry.name} is under way", hint="wait for its end"
            ) from None
        yield


def _take_apart(plan: Plan) -> None:
    """Make a damaged directory the beginning of the new one."""
    if plan.partial.exists():
        shutil.rmtree(plan.partial)
    plan.target.replace(plan.partial)


def _check_space(plan: Plan) -> None:
    here = sum(
        (plan.partial / file.path).stat().st_size
        for file in plan.files
        if (plan.partial / file.path).is_file()
    )
    needed = plan.size - here + _SPARE
    free = shutil.disk_usage(plan.partial).free
    if needed > free:
        raise HubError(
            f"the disk of {shelf_directory()} has {free / 1e9:.1f} GB free, "
            f"{needed / 1e9:.1f} GB are needed",
            hint="make room, or name a directory on another disk with TYRIAN_HOME",
        )


def _put_in_place(plan: Plan, lock: Lock) -> None:
    """Leave the locked files alone in the directory, then give it its name."""
    for file in lock.files:
        if file.path.endswith(".safetensors") and not is_safetensors(plan.partial / file.path):
            raise RefusedError(f"{file.path} has the name of safetensors, but not its form")
    named = {file.path for file in lock.files}
    for path in sorted(plan.partial.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(plan.partial).as_posix() not in named:
            path.unlink()
    write_lock(plan.partial, lock)
    _sync(plan.partial)
    plan.partial.replace(plan.target)
    _sync(plan.target.parent)


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
