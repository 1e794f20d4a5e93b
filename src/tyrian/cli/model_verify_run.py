"""What `tyrian model verify` does: compare with a lock, or with what was pulled."""

import json
from pathlib import Path

from tyrian.cli.exit import ExitCode
from tyrian.cli.model_lock_text import Format
from tyrian.cli.progress import progress
from tyrian.cli.standard_output import say
from tyrian.errors import MissingDependencyError

HERE = Path("models.lock")


def run_verify(
    place: str = "",
    *,
    revision: str = "",
    lock_path: Path | None = None,
    key: Path | None = None,
    cached: bool = False,
    output_format: Format = Format.TEXT,
) -> ExitCode:
    """Compare and tell; the exit code."""
    if lock_path is not None or not place or key or cached or _is_locked_here(place):
        from tyrian.cli.model_lock_verify import verify_lock

        return verify_lock(lock_path or HERE, place, key, output_format, is_cached=cached)
    return _verify_pulled(place, revision, output_format)


def _is_locked_here(place: str) -> bool:
    """Whether a directory that was not pulled can be held against the lock that lies here."""
    if not HERE.is_file() or not Path(place).is_dir():
        return False
    from tyrian.models.hub.lock import LOCK_NAME

    return not (Path(place) / LOCK_NAME).is_file()


def _verify_pulled(place: str, revision: str, output_format: Format) -> ExitCode:
    from tyrian.cli.model_present import directory_of
    from tyrian.models.hub.lock import LOCK_NAME, faults, read_lock

    directory = directory_of(place, revision)
    lock = read_lock(directory)
    if lock is None:
        raise MissingDependencyError(
            f"{directory} has no {LOCK_NAME} to compare with, nor is there a models.lock here",
            hint="approve it with tyrian model lock DIR, or name its lock with --lock FILE",
        )
    total = sum(file.size for file in (*lock.files, *lock.made))
    with progress(f"checking {lock.name}", total, is_wanted=True) as bar:
        found = list(faults(directory, lock, is_thorough=True, advance=bar.advance))
    if output_format is Format.JSON:
        told = {"path": str(directory), "revision": lock.revision, "faults": found}
        say(json.dumps({**told, "digest": lock.digest}, indent=2))
    else:
        made = sum((directory / file.path).is_file() for file in lock.made)
        and_made = f" and {made} as made of them" if made else ""
        say("\n".join(found) or f"{len(lock.files)} files as pulled{and_made}, {lock.digest}")
    return ExitCode.FOUND if found else ExitCode.CLEAN
