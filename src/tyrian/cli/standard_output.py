"""Standard output, which may be a pipe that nobody reads any more."""

import os
import sys

from tyrian.errors import TyrianError


class OutputError(TyrianError):
    """The output cannot take any more."""


class StandardOutput:
    """Standard output, flushed at each write."""

    def put(self, data: bytes) -> None:
        """Write and flush."""
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            drop_standard_output()
            raise full("standard output", error, _STANDS) from None

    def finish(self) -> None:
        """Nothing is left to do."""

    def abandon(self) -> None:
        """What was written stays."""


def say(text: str) -> None:
    """A line, or several, of the result."""
    StandardOutput().put(f"{text}\n".encode("utf-8", "replace"))


def talk(text: str) -> None:
    """A line beside the result, on standard error."""
    sys.stderr.write(f"{text}\n")


def full(name: str, error: OSError, hint: str) -> OutputError:
    """The error of an output that takes no more."""
    return OutputError(f"{name}: {error.strerror or 'cannot be written'}", hint=hint)


_STANDS = "what was written stands"


def drop_standard_output() -> None:
    """Keep the interpreter from failing at exit when it flushes what nobody takes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
