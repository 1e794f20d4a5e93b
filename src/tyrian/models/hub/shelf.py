"""Weights that are on this machine; looking for them never touches the network."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tyrian.core.home import state_home
from tyrian.errors import ConfigError, ModelError
from tyrian.models.hub.catalogue import known, shelf_name
from tyrian.models.hub.listing import COMMIT
from tyrian.models.hub.lock import LOCK_NAME, Lock, faults, read_lock

log = logging.getLogger(__name__)

CONFIG_NAME = "config.json"
UNKNOWN_REVISION = "unknown"


@dataclass(frozen=True, slots=True)
class ModelDir:
    """A model directory on this machine."""

    path: Path
    name: str
    """Name in the catalogue, or the directory's own name."""
    revision: str
    """Commit of the hub; `unknown` for a directory that has no lock."""
    digest: str
    """One digest over all files, `sha256:...`; empty for a directory that has no lock."""
    licence: str
    """Name of the licence; empty where nobody recorded it."""


def shelf_directory() -> Path:
    """Where pulled models lie: `<state home>/models/<name>/<revision>/`."""
    return state_home() / "models"


def find(name: str, revision: str = "") -> ModelDir | None:
    """The model of that name, alias or directory path; None where it is not here.

    With a revision (a commit, its first 7 digits or more, or the branch that was asked for at the
    pull) exactly that one; without, the catalogue's pin if it is here, else the one pulled last.
    Raises ModelError where files are missing or have other sizes than their lock says, and where
    the only revision that fits has a lock that cannot be read; a readable one goes before it.
    """
    if not name:
        return None
    at = Path(os.path.expanduser(name))
    if _is_model(at):
        return _wanted([at], at.resolve().name, revision)
    return on_shelf(name, revision)


def on_shelf(name: str, revision: str = "") -> ModelDir | None:
    """As `find`, for pulled models alone: a directory path is no name here."""
    if not _is_one_name(shelf_name(name)):
        return None
    entry = known(name)
    pin = entry.revision if entry else ""
    homes = list(_directories(shelf_directory() / shelf_name(name)))
    found = _wanted(homes, shelf_name(name), revision or pin)
    return found if found or revision else _wanted(homes, shelf_name(name), "")


def here() -> tuple[ModelDir, ...]:
    """Every model on the shelf, by name; damaged ones too."""
    home = shelf_directory()
    if not home.is_dir():
        return ()
    return tuple(
        _described(directory, lock_or_none(directory), place.name)
        for place in sorted(home.iterdir())
        if place.is_dir() and not place.name.startswith(".")
        for directory in _directories(place)
    )


def lock_or_none(directory: Path) -> Lock | None:
    """The lock of a directory; None where it has none, or one that cannot be read."""
    try:
        return read_lock(directory)
    except ModelError:
        return None


def described(path: Path) -> ModelDir:
    """A directory as it is; ConfigError where it holds no model."""
    if not _is_model(path):
        raise ConfigError(
            f"{str(path)!r} is not a model directory: it has no {CONFIG_NAME}",
            hint="tyrian model list shows the models that are here",
        )
    return _described(path, read_lock(path), path.resolve().name)


def _is_one_name(name: str) -> bool:
    return (
        name != ""
        and "/" not in name
        and "\\" not in name
        and "\0" not in name
        and not name.startswith(".")
    )


def _directories(place: Path) -> Iterator[Path]:
    """Complete model directories of one name: by revision, or put there by hand without one."""
    is_model = _is_model(place)
    if is_model:
        yield place
    if not os.path.isdir(place):
        return
    for directory in sorted(place.iterdir()):
        # What is under way lies in directories whose names begin with a dot; and a folder of a
        # model that was put there by hand is no revision of it.
        if directory.name.startswith(".") or not _is_model(directory):
            continue
        if not is_model or (directory / LOCK_NAME).is_file():
            yield directory


def _is_model(path: Path) -> bool:
    # os.path says False where a name is too long or none at all; Path would raise.
    return os.path.isfile(os.path.join(path, CONFIG_NAME))


def _wanted(directories: list[Path], name: str, revision: str) -> ModelDir | None:
    fitting: list[tuple[Path, Lock | None]] = []
    unread: list[ModelError] = []
    for directory in directories:
        if not _may_be(directory, revision):
            continue
        try:
            lock = read_lock(directory)
        except ModelError as error:
            unread.append(ModelError(f"{directory}: {error.message}", hint=error.hint))
            continue
        if _fits(directory, lock, revision):
            fitting.append((directory, lock))
    if not fitting:
        if unread:
            raise unread[0]
        return None
    directory, lock = max(fitting, key=lambda pair: pair[1].pulled_at if pair[1] else "")
    for fault in unread:
        log.warning("%s is passed over: %s", name, fault.message)
    if lock:
        _check(directory, lock)
    return _described(directory, lock, name)


def _may_be(directory: Path, revision: str) -> bool:
    """Whether a directory's own name leaves room for a revision: two commits are one, or not."""
    commit = revision.lower()
    are_commits = COMMIT.fullmatch(directory.name) and COMMIT.fullmatch(commit)
    return not are_commits or directory.name == commit


def _fits(directory: Path, lock: Lock | None, revision: str) -> bool:
    if not revision:
        return True
    commit = lock.revision if lock else directory.name
    is_part = len(revision) >= 7 and commit.startswith(revision.lower())
    return is_part or (lock is not None and lock.requested == revision)


def _check(directory: Path, lock: Lock) -> None:
    found = list(faults(directory, lock, is_thorough=False))
    if found:
        raise ModelError(
            f"model directory {directory} is damaged: {found[0]}",
            hint=f"look with: tyrian model verify {directory}; then remove it and pull again",
        )


def _described(directory: Path, lock: Lock | None, name: str) -> ModelDir:
    if lock is None:
        return ModelDir(directory, name, UNKNOWN_REVISION, "", "")
    return ModelDir(directory, lock.name, lock.revision, lock.digest, lock.licence)
