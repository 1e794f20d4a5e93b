"""What became of each connection: a line of JSON each, and the sums."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from tyrian.errors import ConfigError


class EgressRecord(msgspec.Struct, omit_defaults=True):
    """One connection of the sandbox; times in seconds, sizes in bytes."""

    target: str
    """Host and port in canonical form; as far as it could be read."""
    outcome: str
    """`allowed`, `refused` or `failed`."""
    way: str = ""
    rule: str = ""
    reason: str = ""
    address: str = ""
    """The address that was connected to."""
    method: str = ""
    sent: int = 0
    received: int = 0
    began: float = msgspec.field(default_factory=time.time)
    elapsed_s: float = 0.0


@dataclass(slots=True)
class EgressLog:
    """Counts connections, and writes them to a file where one is given."""

    file: BinaryIO | None = None
    connections: int = 0
    sent: int = 0
    received: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each target was refused, by target and reason."""

    @classmethod
    def to(cls, path: Path | None) -> "EgressLog":
        """A log that appends to the file; ConfigError where it cannot be written."""
        if path is None:
            return cls()
        try:
            return cls(path.open("ab", buffering=0))
        except OSError as error:
            raise ConfigError(
                f"egress log {str(path)!r}: {error.strerror or 'cannot be written'}",
                hint="name a file in a directory that exists",
            ) from None

    def add(self, record: EgressRecord) -> None:
        """Count a connection that has ended, and write its line."""
        self.connections += 1
        self.sent += record.sent
        self.received += record.received
        if record.outcome == "refused" and len(self.refused) < 1000:
            self.refused[record.target, record.reason] += 1
        if self.file:
            self.file.write(msgspec.json.encode(record) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self.file:
            self.file.close()
