"""Locks of models: whether they are whole, signed, in time, and what lies on the disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.lock.fault import UNREAD, FaultKind, LockError
from tyrian.supply.lock.lock import EditedError, LockedModel, ModelsLock, lock_bytes, parse
from tyrian.supply.lock.signature import check_signature, signature_path
from tyrian.supply.lock.verify import expiry, verify_model

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Verifier

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock as it was read."""

    path: str
    lock: ModelsLock | None
    text: str = ""

    def place(self, model: LockedModel) -> Place:
        """Where a model stands."""
        start = self.text.find(f'"name": "{model.name}"')
        return Place(self.path, self.text.count("\n", 0, max(start, 0)) + 1)


def read_lock_file(path: str, root: Path) -> tuple[LockFile, list[GateFinding]]:
    """A lock, or what is wrong with it."""
    place = Place(path)
    try:
        data = lock_bytes(root / path)
        lock = parse(data, path)
    except EditedError as error:
        return LockFile(path, None), [found(place, "lock-edited", "lock", error.message)]
    except LockError as error:
        return LockFile(path, None), [found(place, "not-examined", "lock", error.message)]
    return LockFile(path, lock, data.decode()), []


def judge_lock(
    file: LockFile, root: Path, verifiers: "Sequence[Verifier]", today: date
) -> Iterator[GateFinding]:
    """Everything that is wrong with a lock and with what it is about."""
    path = root / file.path
    if verifiers:
        for fault in check_signature(path, path.read_bytes(), verifiers):
            yield found(Place(file.path), "lock-signature", "lock", fault.why)
    elif signature_path(path).exists():
        why = f"{signature_path(path).name} is there, and no key to check it with"
        yield found(Place(file.path), "lock-signature", "lock", why)
    for model in file.lock.models if file.lock is not None else ():
        yield from _model(file, model, path.parent, today)


def _model(file: LockFile, model: LockedModel, below: Path, today: date) -> Iterator[GateFinding]:
    place = file.place(model)
    for fault in expiry(model, today):
        yield found(place, "approval-expired", model.name, fault.why)
    directory = below / model.directory
    if not model.directory or not directory.is_dir():
        return  # approved here, and kept elsewhere
    own = _own_files(directory, below / Path(file.path).name)
    faults = [
        one
        for one in verify_model(directory, model, left_out=own, today=today).faults
        if one.kind is not FaultKind.EXPIRED
    ]
    unread = [one for one in faults if one.kind in UNREAD]
    wrong = [one for one in faults if one.kind not in UNREAD]
    for one in unread[:_SHOWN]:
        why = f"{model.name}: {one.path}: {one.why}"
        yield found(place, "not-examined", model.name, why)
    for one in wrong[:_SHOWN]:
        why = f"{model.directory}/{one.path} is {one.kind}: {one.why}"
        yield found(place, "lock-mismatch", model.name, why)
    if len(wrong) > _SHOWN:
        why = f"{len(wrong) - _SHOWN} files more of {model.directory} differ"
        yield found(place, "lock-mismatch", model.name, why)


def _own_files(directory: Path, lock: Path) -> frozenset[str]:
    """The lock and its signature, where they lie within the model."""
    home, own = directory.resolve(), []
    for path in (lock, signature_path(lock)):
        place = path.resolve().parent / path.name
        if place.is_relative_to(home):
            own.append(place.relative_to(home).as_posix())
    return frozenset(own)
