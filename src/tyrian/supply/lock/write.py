"""Bytes of papers that are signed or compared: one form of JSON, and files that are whole."""

import json
import os
from pathlib import Path

from tyrian.supply.lock.fault import LockError

LOCK_NAME = "models.lock"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole, so that it is on the disk when this returns."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise LockError(f"{path}: {error.strerror}", hint="name another file") from None


def as_canonical(value: object) -> bytes:
    """JSON with sorted keys and nothing between: the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
