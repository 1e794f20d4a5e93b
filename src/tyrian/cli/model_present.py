"""The model that a command means: one that was pulled, or a directory."""

from pathlib import Path

from tyrian.errors import MissingDependencyError
from tyrian.models.hub.catalogue import entry_of, known
from tyrian.models.hub.shelf import ModelDir, described, find, here


def present(place: str, revision: str = "") -> ModelDir:
    """A model that is whole; MissingDependencyError names the command that gets it."""
    if found := find(place, revision):
        return found
    if Path(place).is_dir():
        return described(Path(place))
    entry = entry_of(place)
    at = f" in revision {revision}" if revision else ""
    raise MissingDependencyError(f"{entry.name} is not here{at}", hint=f"get it: {entry.hint}")


def directory_of(place: str, revision: str) -> Path:
    """Where a model lies, damaged or not."""
    at = Path(place)
    if at.is_dir():
        return described(at).path
    entry = known(place)
    wanted = entry.name if entry else place.replace("/", "--")
    fitting = [one for one in here() if one.name == wanted and one.revision.startswith(revision)]
    return fitting[-1].path if fitting else present(place, revision).path
