"""The tensors of a safetensors file by name: type, shape, and the digest of their bytes.

Source: https://huggingface.co/docs/safetensors/index#format
"""

import hashlib
import json
import os
from collections.abc import Iterator

from tyrian.supply.scan.strict_json import JsonError, decode

_LONGEST_HEADER = 100_000_000
"""Bytes; as the reference reader has it."""
_PIECE = 1 << 20
_LONGEST_VALUE = 2000


class TensorsError(Exception):
    """A file that is not of this format."""


def tensor_facts(place: str) -> Iterator[tuple[str, str]]:
    """`tensor NAME` with type, shape and SHA-256, and `metadata NAME` with its value."""
    fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        header, first, size = _header(fd)
        for name, value in _object(header.pop("__metadata__", {})).items():
            yield f"metadata {_shown(name)}", _value(json.dumps(value))
        view = memoryview(bytearray(_PIECE))
        for name, told in sorted(header.items(), key=_place):
            start, end = _place((name, told))
            if not 0 <= start <= end <= size - first:
                raise TensorsError(f"tensor {name[:80]!r} lies outside of the file")
            digest = _digest(fd, first + start, end - start, view)
            shape = json.dumps(_object(told).get("shape"), separators=(",", ":"))
            kind = _shown(str(_object(told).get("dtype")))
            yield f"tensor {_shown(name)}", f"{kind} {shape} sha256:{digest}"
    finally:
        os.close(fd)


def _shown(name: str) -> str:
    """A name as text that can be written and told apart from every other."""
    return name if name.isprintable() and not name.startswith('"') else json.dumps(name)


def _value(told: str) -> str:
    if len(told) <= _LONGEST_VALUE:
        return told
    return f"{len(told):,} characters, sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def _header(fd: int) -> tuple[dict[str, object], int, int]:
    """The header, where the tensors begin, and the size of the file."""
    size = os.fstat(fd).st_size
    length = int.from_bytes(os.pread(fd, 8, 0), "little")
    if length > _LONGEST_HEADER or 8 + length > size:
        raise TensorsError(f"its header has {length} bytes, and the file {size}")
    try:
        header = decode(os.pread(fd, length, 8))
    except JsonError as error:
        raise TensorsError(f"its header {error}") from None
    return dict(_object(header)), 8 + length, size


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TensorsError("its header is no object of objects")
    return value


def _place(item: tuple[str, object]) -> tuple[int, int]:
    offsets = _object(item[1]).get("data_offsets")
    if isinstance(offsets, list) and len(offsets) == 2:
        start, end = offsets
        if type(start) is int and type(end) is int:
            return start, end
    raise TensorsError(f"tensor {item[0][:80]!r} has no place")


def _digest(fd: int, at: int, left: int, view: memoryview) -> str:
    digest = hashlib.sha256()
    while left:
        count = os.preadv(fd, [view[: min(left, len(view))]], at)
        if not count:
            raise TensorsError("it became shorter while it was read")
        digest.update(view[:count])
        at, left = at + count, left - count
    return digest.hexdigest()
