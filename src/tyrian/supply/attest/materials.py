"""What went into a training, by digest: models, datasets, and runs of evaluations."""

import json
from pathlib import Path

import msgspec

from tyrian.errors import InputError
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.attest.files import digest_of
from tyrian.supply.data.manifest import MANIFEST_TYPE, Manifest, check_root, read_manifest
from tyrian.supply.lock.lock import LockedModel

EVALUATION_FILES = ("manifest.json", "results.jsonl", "summary.json")


class Material(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a training read."""

    name: str
    digest: str
    """`sha256:...`; of a directory, over the sorted lines `sha256  path`."""
    repository: str = ""
    commit: str = ""
    rows: int = -1
    """Of a dataset whose manifest tells them."""
    root: str = ""
    """`sha256:` and the Merkle root of its rows, where a manifest tells it."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finished run of a benchmark, against the base model or the tuned one."""

    role: str
    """`base` or `tuned`."""
    place: str
    """Of the run below the directory of all runs of this model."""
    benchmark: str
    model: str
    files: dict[str, str]
    """SHA-256 by name of the file, hexadecimal."""


def material_of_lock(model: LockedModel) -> Material:
    """A model as a lock has it."""
    return Material(
        name=model.name,
        digest=model.digest,
        repository=model.repository,
        commit=model.commit,
    )


def dataset(name: str, path: Path) -> Material:
    """A dataset, or the manifest of one, whose rows and Merkle root are kept.

    ManifestError where the entries of a manifest are not those that it was written with.
    """
    if manifest := manifest_at(path):
        check_root(path, manifest)
        return Material(name=name, digest=digest_of(path), rows=manifest.rows, root=manifest.root)
    return Material(name=name, digest=digest_of(path))


def manifest_at(path: Path) -> Manifest | None:
    """The manifest that a file is; None for any other file or directory."""
    if path.suffix != ".json" or not path.is_file():
        return None
    try:
        told = json.loads(read_bytes(path))
    except ValueError:
        return None
    is_one = isinstance(told, dict) and told.get("type") == MANIFEST_TYPE
    return read_manifest(path) if is_one else None


def evaluations_below(role: str, root: Path) -> list[Evaluation]:
    """All finished runs at or below a directory; InputError where there is none."""
    found = [
        _evaluation(role, root, path.parent)
        for path in sorted(root.rglob(EVALUATION_FILES[0]))
        if all((path.parent / name).is_file() for name in EVALUATION_FILES)
    ]
    if not found:
        raise InputError(
            f"there is no finished run of an evaluation at {root}",
            hint="name the --output of tyrian eval run",
        )
    return found


def _evaluation(role: str, root: Path, directory: Path) -> Evaluation:
    files = {name: digest_of(directory / name).removeprefix("sha256:") for name in EVALUATION_FILES}
    try:
        manifest = json.loads(read_bytes(directory / EVALUATION_FILES[0]))
        benchmark, model = str(manifest["benchmark"]), str(manifest["model"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{directory} has no manifest of a run: {error}") from None
    place = directory.relative_to(root).as_posix()
    return Evaluation(role=role, place=place, benchmark=benchmark, model=model, files=files)


def names_of(one: Evaluation) -> dict[str, str]:
    """SHA-256 of a run's files, by the names that an attestation has of them."""
    above = one.role if one.place == "." else f"{one.role}/{one.place}"
    return {f"{above}/{name}": digest for name, digest in sorted(one.files.items())}
