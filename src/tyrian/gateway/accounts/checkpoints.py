"""Checkpoints: heads of the audit chains in a file outside the database.

Whoever can write to the database can make a whole new chain; not one that fits what was written
down elsewhere before. The file is worth most on another machine.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from tyrian.errors import InputError, StoreError
from tyrian.gateway.accounts.chain import Checkpoint, Link

FILE_NAME: Final = "audit-checkpoints.jsonl"


class _Line(msgspec.Struct):
    organisation_id: str
    sequence: int
    hash: str
    at: int = 0


def append(path: Path, heads: Iterable[Checkpoint]) -> int:
    """Write down heads that the file does not have yet; how many there were."""
    known = {(point.organisation_id, point.sequence, point.hash) for point in read(path)}
    new = [h for h in heads if (h.organisation_id, h.sequence, h.hash) not in known]
    lines = b"".join(
        msgspec.json.encode(
            _Line(point.organisation_id, point.sequence, point.hash.hex(), int(time.time()))
        )
        + b"\n"
        for point in new
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, lines)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(
            f"the checkpoints cannot be written to {path}: {error.strerror}",
            hint="free the disk, or choose another file",
        ) from error
    return len(new)


def read(path: Path) -> list[Checkpoint]:
    """The checkpoints in a file; none where there is no file."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            one = msgspec.json.decode(line, type=_Line)
            point = Checkpoint(one.organisation_id, one.sequence, bytes.fromhex(one.hash), one.at)
        except (msgspec.DecodeError, ValueError) as error:
            raise InputError(
                f"{path}:{number}: this is no checkpoint",
                hint="use a file that tyrian audit checkpoint wrote",
            ) from error
        found.append(point)
    return found


def link_line(link: Link) -> bytes:
    """An event as a line of an export."""
    fields = {name: getattr(link, name) for name in Link.__slots__}
    fields |= {"previous_hash": link.previous_hash.hex(), "hash": link.hash.hex()}
    return msgspec.json.encode(fields) + b"\n"


def read_links(path: Path) -> Iterable[Link]:
    """The events of an export, in their order; InputError at a line that is none."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    fields = msgspec.json.decode(line)
                    msgspec.convert(fields, type=_LinkShape)
                    fields["previous_hash"] = bytes.fromhex(fields["previous_hash"])
                    fields["hash"] = bytes.fromhex(fields["hash"])
                    yield Link(**fields)
                except (msgspec.MsgspecError, ValueError, TypeError) as error:
                    raise InputError(
                        f"{path}:{number}: this is no audit event",
                        hint="use a file that tyrian audit export wrote",
                    ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


class _LinkShape(msgspec.Struct, forbid_unknown_fields=True):
    organisation_id: str
    sequence: int
    id: str
    at: int
    type: str
    actor: dict[str, object]
    project_id: str | None
    details: dict[str, object]
    previous_hash: str
    hash: str
