"""Where the papers of a model lie: beside its directory, or within it."""

from pathlib import Path

ATTESTATION = ".attestation.json"


def attestation_path(directory: Path) -> Path:
    """Where the attestation of a directory lies: beside it."""
    whole = directory.resolve()
    return whole.with_name(whole.name + ATTESTATION)


def inside(directory: Path, path: Path) -> frozenset[str]:
    """The path within a directory, where it lies in it."""
    place, root = path.resolve(), directory.resolve()
    return frozenset({place.relative_to(root).as_posix()} if place.is_relative_to(root) else ())
