"""Where results go: standard output, or a file that a crash leaves whole."""

import contextlib
import os
from pathlib import Path
from typing import Protocol

import msgspec

from tyrian.cli.formats import Tally
from tyrian.cli.result import FAILED
from tyrian.cli.rows import Id
from tyrian.cli.standard_output import StandardOutput as StandardOutput
from tyrian.cli.standard_output import full
from tyrian.core.decision import Effect
from tyrian.errors import ConfigError, InputError

_NO_ROOM = "make room; of JSON lines, what was written stands, and --resume goes on from there"
_decode = msgspec.json.Decoder(dict[str, object]).decode
_FAILED = frozenset(status.value for status in FAILED)


class Target(Protocol):
    """Takes the bytes of a result as they come."""

    def put(self, data: bytes) -> None:
        """Write these bytes; once it returns, a killed process has not lost them."""

    def finish(self) -> None:
        """The result is complete."""

    def abandon(self) -> None:
        """The result will not be complete."""


class AppendedFile:
    """A file of JSON lines that grows; what is in it stays, whatever happens."""

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        """Open the file and cut it to its first `keep` bytes."""
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            if os.fstat(self._fd).st_size > keep:
                os.ftruncate(self._fd, keep)
        except OSError as error:
            raise _unwritable(path, error) from None

    def put(self, data: bytes) -> None:
        """Hand the bytes to the operating system."""
        _write_all(self._fd, data)

    def finish(self) -> None:
        """Reach the disk, and close."""
        with contextlib.suppress(OSError):  # not every kind of file can be synced
            os.fsync(self._fd)
        os.close(self._fd)

    def abandon(self) -> None:
        """Close; what was written stays for `--resume`."""
        os.close(self._fd)


class ReplacedFile:
    """A file that appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._fd = os.open(self._partial, flags, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from None

    def put(self, data: bytes) -> None:
        """Write into the file that is not yet there under its name."""
        _write_all(self._fd, data)

    def finish(self) -> None:
        """Put the file in its place."""
        os.fsync(self._fd)
        os.close(self._fd)
        self._partial.replace(self._path)

    def abandon(self) -> None:
        """Leave nothing behind."""
        os.close(self._fd)
        self._partial.unlink(missing_ok=True)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise full("the output file", error, _NO_ROOM) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror or "cannot be written"
    return ConfigError(f"output {str(path)!r}: {reason}", hint="choose another file with --output")


class Earlier:
    """What an interrupted run has written already."""

    def __init__(self, path: Path, tally: Tally) -> None:
        """Read the complete rows of the file into `tally`; a row in halves does not count."""
        self.rows = 0
        self.size = 0
        self.last_id: Id = None
        if not path.exists():
            return
        try:
            with path.open("rb") as stream:
                for line in stream:
                    if not line.endswith(b"\n"):
                        break
                    self._take(path, line, tally)
        except OSError as error:
            raise _unwritable(path, error) from None

    def _take(self, path: Path, line: bytes, tally: Tally) -> None:
        try:
            row = _decode(line)
            row_id = row["id"]
            if "error" in row:
                tally.errors += 1
            else:
                tally.count(Effect.parse(str(row["effect"])))
                tally.partial += _is_partial(row)
        except (msgspec.DecodeError, KeyError, ValueError):
            raise InputError(
                f"output {str(path)!r} is no earlier result of this command (row {self.rows + 1})",
                hint="name the file of the interrupted run, or leave --resume out",
            ) from None
        self.last_id = row_id if isinstance(row_id, str | int) else None
        self.rows += 1
        self.size += len(line)


def _is_partial(row: dict[str, object]) -> bool:
    runs = row.get("runs")
    return isinstance(runs, list) and any(
        isinstance(run, dict) and run.get("status") in _FAILED for run in runs
    )
