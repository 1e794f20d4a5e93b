"""TensorFlow's checkpoints: an index in LevelDB's table format, which tells where tensors lie.

Source: tensorflow/core/util/tensor_bundle and tensorflow/core/lib/io/format of TensorFlow.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.protobuf import ProtobufError, whole
from tyrian.supply.scan.source import Held, Source

MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_FOOTER = 48
_MOST_BLOCK = 64 << 20
_SUFFIX = ".index"


class _Fault(Exception):  # noqa: N818  # ends the reading of one file
    pass


def is_table(source: Source) -> bool:
    """Whether the file ends as LevelDB's tables do."""
    return source.size >= _FOOTER and source.read_at(source.size - 8, 8) == MAGIC


def scan_checkpoint(source: Source, report: Collector, name: str) -> None:
    """Read every entry; the files that hold the tensors are claimed with their sizes."""
    shards, ends = 1, dict[int, int]()
    try:
        for key, value in _entries(source):
            shards = _take(key, value, ends, shards)
    except (_Fault, ProtobufError) as fault:
        report.add("tf-malformed", 0, f"its index {fault}")
        return
    stem = PurePosixPath(name).name.removesuffix(_SUFFIX)
    for shard in range(min(shards, 10_000)):
        report.claim(f"{stem}.data-{shard:05d}-of-{shards:05d}", ends.get(shard, 0))


def _take(key: bytes, value: bytes, ends: dict[int, int], shards: int) -> int:
    numbers = {one.number: one.value for one in whole(Held(value)) if one.wire == 0}
    if not key:
        return numbers.get(1, 1)
    shard, offset, size = numbers.get(3, 0), numbers.get(4, 0), numbers.get(5, 0)
    if offset >= 1 << 62 or size >= 1 << 62:
        raise _Fault(f"has a tensor beyond all measure ({key[:80]!r})")
    ends[shard] = max(ends.get(shard, 0), offset + size)
    return shards


def _entries(source: Source) -> Iterator[tuple[bytes, bytes]]:
    footer = source.read_at(source.size - _FOOTER, 40)
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    for _, place in _block(source, *index):
        handle, _ = _handle(place, 0)
        yield from _block(source, *handle)


def _block(source: Source, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if size < 4 or size > _MOST_BLOCK or start + size + 5 > source.size:
        raise _Fault(f"tells of a block of {size} bytes at {start}")
    data = source.read_at(start, size + 1)
    if data[-1]:
        raise _Fault("is packed, which its writer never does")
    restarts = int.from_bytes(data[size - 4 : size], "little")
    end = size - 4 - 4 * restarts
    at, key = 0, b""
    while at < end:
        shared, at = _number(data, at)
        own, at = _number(data, at)
        length, at = _number(data, at)
        if shared > len(key) or at + own + length > end:
            raise _Fault("has an entry that reaches beyond its block")
        key = key[:shared] + data[at : at + own]
        yield key, data[at + own : at + own + length]
        at += own + length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _number(data, at)
    size, at = _number(data, at)
    return (start, size), at


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Fault("breaks off within a number")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise _Fault("has a number of more than ten bytes")
