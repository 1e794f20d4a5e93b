"""Where Tyrian keeps its state: keys and audit records."""

import os
from pathlib import Path

from tyrian.core.home import state_home
from tyrian.errors import StoreError

DATABASE_NAME = "tyrian.db"
AUDIT_NAME = "audit.jsonl"


def state_directory(chosen: Path | None = None) -> Path:
    """The chosen directory, else $TYRIAN_HOME, else the user's data directory."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    return state_home()


def make_state_directory(directory: Path) -> None:
    """Make the directory, for its owner alone; StoreError where nothing can be written there."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, error.strerror or "not a directory") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _unusable(directory, "it is not writable")


def _unusable(directory: Path, reason: str) -> StoreError:
    return StoreError(
        f"the data directory {directory} cannot be used: {reason}",
        hint="choose another one with --data or TYRIAN_HOME",
    )
