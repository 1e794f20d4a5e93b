"""`models.lock`: which bytes of which models a person approved.

The file is JSON in one form alone: keys in a fixed order, one file or fact a line, and a digest
over all of it. Whoever edits it by hand breaks the digest; whoever mends the digest as well breaks
the signature, where there is one.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tyrian.errors import BlockedError
from tyrian.supply.lock.fault import LockError
from tyrian.supply.lock.read import ReadFile, tree_digest
from tyrian.supply.lock.walk import is_inside
from tyrian.supply.lock.write import LOCK_NAME

FORMAT = 1
_MOST_BYTES = 1 << 30
_HEX = frozenset("0123456789abcdef")


class EditedError(BlockedError):
    """A lock whose digest does not fit what it says."""


class LockedFile(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One file of a model, as approved."""

    path: str
    """Relative to the model's directory, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str = ""
    """Hexadecimal; empty for links alone."""
    git: str = ""
    """SHA-1 of the git blob: the hub knows small files by it."""
    link: str = ""
    """Where a link leads, as it is written."""


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another repository that the model's configuration makes a loader fetch from."""

    file: str
    key: str
    repository: str
    commit: str


class LockedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model, as approved."""

    name: str
    directory: str = ""
    """Relative to the lock where it lies below it; empty where it is on no disk here."""
    repository: str = ""
    """On the hub; empty for a model of one's own."""
    commit: str = ""
    """40 hexadecimal digits; empty for a model of one's own."""
    licence: str = ""
    approver: str
    approved_at: str
    """ISO 8601 in UTC."""
    expires: str = ""
    """Date after which the approval no longer holds."""
    references: tuple[Reference, ...] = ()
    files: tuple[LockedFile, ...]
    facts: dict[str, dict[str, str]] = {}
    """What the files mean, by path and key."""

    @property
    def digest(self) -> str:
        """One digest over all files, `sha256:...`: of the sorted lines `sha256  path`."""
        return tree_digest(self.files)


class ModelsLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All models of a lock."""

    format: int = FORMAT
    models: tuple[LockedModel, ...] = ()
    digest: str = ""

    def model(self, name: str) -> LockedModel | None:
        """The model of that name."""
        return next((one for one in self.models if one.name == name), None)


def locked_files(files: Iterable[ReadFile]) -> tuple[LockedFile, ...]:
    """Files as a lock has them."""
    return tuple(LockedFile(**one._asdict()) for one in files)


def encode(lock: ModelsLock) -> bytes:
    """The one form of a lock, with its digest."""
    text = "".join(_lines(lock))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{\n"digest": "sha256:{digest}",\n{text}'.encode()


def _lines(lock: ModelsLock) -> Iterator[str]:
    yield f'"format": {lock.format},\n"models": ['
    for n, model in enumerate(sorted(lock.models, key=lambda one: one.name)):
        yield ",\n {\n" if n else "\n {\n"
        for name in _PLAIN:
            yield f'  "{name}": {_json(getattr(model, name))},\n'
        yield '  "references": ['
        yield from _rows(map(_json, model.references))
        yield '],\n  "files": ['
        yield from _rows(_json(one) for one in sorted(model.files, key=lambda one: one.path))
        yield '],\n  "facts": {'
        yield from _rows(_facts(path, facts) for path, facts in sorted(model.facts.items()))
        yield "}\n }"
    yield "\n]\n}\n" if lock.models else "]\n}\n"


_PLAIN = (
    *("name", "directory", "repository", "commit", "licence"),
    *("approver", "approved_at", "expires"),
)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _rows(rows: Iterator[str]) -> Iterator[str]:
    count = 0
    for count, row in enumerate(rows, 1):
        yield f",\n   {row}" if count > 1 else f"\n   {row}"
    yield "\n  " if count else ""


def _facts(path: str, facts: dict[str, str]) -> str:
    inner = ",\n    ".join(f"{_json(key)}: {_json(facts[key])}" for key in sorted(facts))
    return f"{_json(path)}: {{\n    {inner}}}" if inner else f"{_json(path)}: {{}}"


def parse(data: bytes, place: str = LOCK_NAME) -> ModelsLock:
    """A lock from its bytes; LockError where it is none, EditedError where a hand was at it."""
    try:
        told = msgspec.json.decode(data)
        found = told.get("format") if isinstance(told, dict) else None
        if isinstance(found, int) and found != FORMAT:
            raise LockError(
                f"{place} has format {found}, and this Tyrian reads {FORMAT}",
                hint="lock the models again with this version, or take the one that wrote the file",
            )
        lock = msgspec.convert(told, ModelsLock)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LockError(f"{place} is no lock of models: {error}", hint=_AGAIN) from None
    if encode(lock) != data:
        raise EditedError(
            f"{place} was changed after it was written: its digest does not fit", hint=_AGAIN
        )
    for model in lock.models:
        _check(model, place)
    if len({model.name for model in lock.models}) != len(lock.models):
        raise LockError(f"{place} names a model twice", hint=_AGAIN)
    return lock


_AGAIN = "take the file from version control, or approve again: tyrian model lock DIR"


def _check(model: LockedModel, place: str) -> None:
    paths = [file.path for file in model.files]
    if len(set(paths)) != len(paths) or not all(map(is_inside, paths)):
        raise LockError(f"{place}: {model.name} has files outside of it, or twice", hint=_AGAIN)
    for file in model.files:
        is_digest = len(file.sha256) == 64 and set(file.sha256) <= _HEX
        if not (is_digest or (file.link and not file.sha256)) or file.size < 0:
            raise LockError(f"{place}: {file.path} of {model.name} has no digest", hint=_AGAIN)


def read_lock(path: Path) -> ModelsLock:
    """The lock in a file; errors as of `parse`."""
    return parse(lock_bytes(path), str(path))


def lock_bytes(path: Path) -> bytes:
    """The bytes of a lock's file; LockError where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise LockError(
            f"{path}: {error.strerror}", hint="make one: tyrian model lock DIR --approver NAME"
        ) from None
    if len(data) > _MOST_BYTES:
        raise LockError(f"{path} is larger than 1 GiB, which no lock is")
    return data
