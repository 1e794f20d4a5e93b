"""Streams packed by gzip, zlib, bzip2, xz or lzma, as joblib and others write them."""

import zlib
from bz2 import BZ2Decompressor
from collections.abc import Iterator
from lzma import FORMAT_ALONE, FORMAT_XZ, LZMADecompressor, LZMAError

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.source import CHUNK, Source
from tyrian.supply.scan.unpack import Unpacker, pieces


def _unpacker(kind: str) -> Unpacker:
    if kind == "gzip":
        return zlib.decompressobj(31)
    if kind == "zlib":
        return zlib.decompressobj()
    if kind == "bzip2":
        return BZ2Decompressor()
    return LZMADecompressor(FORMAT_XZ if kind == "xz" else FORMAT_ALONE)


_CONCATENATED = frozenset({"gzip", "bzip2", "xz"})
_BROKEN = (zlib.error, OSError, LZMAError, EOFError)


def unpacked(source: Source, kind: str, report: Collector) -> Iterator[bytes]:
    """The bytes of all streams, one after another; a fault is reported and ends them."""
    at = 0
    while at < source.size:
        unpack = _unpacker(kind)
        taken = [at]
        try:
            yield from pieces(unpack, _counted(source, taken))
        except _BROKEN as error:
            report.add("archive-malformed", at, f"the {kind} stream cannot be unpacked: {error}")
            return
        at = taken[0] - len(getattr(unpack, "unused_data", b""))
        rest = source.read_at(at, CHUNK)
        if rest and (kind not in _CONCATENATED or rest[:2] != source.read_at(0, 2)):
            if rest.strip(b"\0"):
                told = f"{source.size - at} bytes follow after the {kind} stream"
                report.add("archive-readers-disagree", at, told)
            return


def _counted(source: Source, taken: list[int]) -> Iterator[bytes]:
    for chunk in source.chunks(taken[0]):
        taken[0] += len(chunk)
        yield chunk
