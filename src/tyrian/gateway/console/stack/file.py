"""The stack file on disk: read, and replaced whole, with the version before it kept beside it."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tyrian.errors import InputError, StackError, StoreError
from tyrian.stack.load import read_text

PREVIOUS: Final = ".previous"
"""What the name of the version before ends with."""


class ChangedMeanwhileError(InputError):
    """The file is no longer what whoever changes it has read."""


def digest_of(text: str) -> str:
    """The identity of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack file; all its methods block."""

    path: Path

    @property
    def previous(self) -> Path:
        """Where the version before stands."""
        real = self.path.resolve()
        return real.with_name(real.name + PREVIOUS)

    def read(self) -> str:
        """Its text; StackError where it cannot be read."""
        return read_text(self.path)

    def read_previous(self) -> str:
        """The text before the last change; empty where none is kept."""
        try:
            return read_text(self.previous) if self.previous.is_file() else ""
        except StackError:
            return ""

    def hindrance(self) -> str:
        """Why it cannot be replaced; empty where it can."""
        real = self.path.resolve()
        if not real.is_file():
            return f"{self.path} is gone"
        if not os.access(real.parent, os.W_OK | os.X_OK):
            return f"the gateway may not write to {real.parent}"
        if not os.access(real, os.W_OK):
            return f"{self.path} is read-only"
        return ""

    def replace(self, text: str, expected: str) -> None:
        """Put a text in its place, and keep the one before.

        ChangedMeanwhileError where the digest of what stands there is not the expected one.
        """
        now = self.read()
        if digest_of(now) != expected:
            raise ChangedMeanwhileError(
                "the stack file was changed since this page was made", hint="load it again"
            )
        real = self.path.resolve()
        try:
            mode = stat.S_IMODE(real.stat().st_mode)
            _write(self.previous, now, mode)
            _write(real, text, mode)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be replaced: {error.strerror or error}",
                hint="change it where it comes from, and start the gateway anew",
            ) from error


def _write(path: Path, text: str, mode: int) -> None:
    """All of it or nothing, on the disk when this returns; who reads sees the old or the new."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as new:
            os.fchmod(new.fileno(), mode)
            new.write(text.encode())
            new.flush()
            os.fsync(new.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
