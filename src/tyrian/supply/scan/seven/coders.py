"""How 7z packs: LZMA and its filters, Deflate, bzip2, or not at all."""

import zlib
from bz2 import BZ2Decompressor
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import (
    FILTER_ARM,
    FILTER_ARMTHUMB,
    FILTER_DELTA,
    FILTER_IA64,
    FILTER_LZMA1,
    FILTER_LZMA2,
    FILTER_POWERPC,
    FILTER_SPARC,
    FILTER_X86,
    FORMAT_RAW,
    LZMADecompressor,
    LZMAError,
)

from tyrian.supply.scan.source import Source
from tyrian.supply.scan.unpack import pieces

_COPY, _LZMA, _LZMA2 = b"\0", b"\x03\x01\x01", b"\x21"
_DEFLATE, _BZIP2, _DELTA, _AES = b"\x04\x01\x08", b"\x04\x02\x02", b"\x03", b"\x06\xf1\x07\x01"
_BRANCHES = {
    b"\x04": FILTER_X86, b"\x03\x03\x01\x03": FILTER_X86,
    b"\x05": FILTER_POWERPC, b"\x03\x03\x02\x05": FILTER_POWERPC,
    b"\x06": FILTER_IA64, b"\x03\x03\x04\x01": FILTER_IA64,
    b"\x07": FILTER_ARM, b"\x03\x03\x05\x01": FILTER_ARM,
    b"\x08": FILTER_ARMTHUMB, b"\x03\x03\x07\x01": FILTER_ARMTHUMB,
    b"\x09": FILTER_SPARC, b"\x03\x03\x08\x05": FILTER_SPARC,
}  # fmt: skip
_PIECE = 1 << 16
"""Bytes that a chunk of LZMA2 may hold as they are."""
_MOST_DICTIONARY = 1 << 28


class SevenError(Exception):
    """An archive that cannot be read."""

    def __init__(self, message: str, *, is_unread: bool = False, is_hidden: bool = False) -> None:
        super().__init__(message)
        self.is_unread = is_unread
        """It may be whole, but is packed in a way that is not known here."""
        self.is_hidden = is_hidden
        """It is encrypted."""


@dataclass(frozen=True, slots=True)
class Coder:
    """One step of packing."""

    method: bytes
    properties: bytes
    inputs: int


def unpacked(source: Source, steps: list[tuple[Coder, int]]) -> Iterator[bytes]:
    """What a chain of coders gives, each with its size; the last of them reads the source."""
    chunks = source.chunks()
    for coder, size in reversed(steps):
        chunks = _exactly(_step(coder, chunks), size)
    return chunks


def _exactly(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """As many bytes as were told of; raises SevenError where there are fewer."""
    left = size
    try:
        for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
    except (LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
        raise SevenError(f"cannot be unpacked: {error}") from None
    if left > 0:
        raise SevenError(f"gives {size - left} bytes where it tells of {size}")


def _step(coder: Coder, chunks: Iterator[bytes]) -> Iterator[bytes]:
    method, told = coder.method, coder.properties
    if method == _COPY:
        return chunks
    if method == _LZMA2 and len(told) == 1:
        size = 0xFFFFFFFF if told[0] >= 40 else (2 | told[0] & 1) << (told[0] // 2 + 11)
        return _lzma([{"id": FILTER_LZMA2, "dict_size": _dictionary(size)}], chunks)
    if method == _LZMA and len(told) == 5:
        rest, lc = divmod(told[0], 9)
        pb, lp = divmod(rest, 5)
        size = _dictionary(int.from_bytes(told[1:], "little"))
        lzma1 = {"id": FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": max(size, 4096)}
        return _lzma([lzma1], chunks)
    if method in _BRANCHES:
        return _lzma([{"id": _BRANCHES[method]}, {"id": FILTER_LZMA2}], _as_lzma2(chunks))
    if method == _DELTA and len(told) == 1:
        delta = {"id": FILTER_DELTA, "dist": told[0] + 1}
        return _lzma([delta, {"id": FILTER_LZMA2}], _as_lzma2(chunks))
    if method == _DEFLATE:
        return pieces(zlib.decompressobj(-15), chunks, has_end=False)
    if method == _BZIP2:
        return pieces(BZ2Decompressor(), chunks, has_end=False)
    if method == _AES:
        raise SevenError("is encrypted", is_hidden=True)
    raise SevenError(f"is packed by the method {method.hex()}", is_unread=True)


def _dictionary(size: int) -> int:
    if size > _MOST_DICTIONARY:
        raise SevenError("needs more memory to be unpacked than is given here", is_unread=True)
    return size


def _lzma(filters: list[dict[str, int]], chunks: Iterator[bytes]) -> Iterator[bytes]:
    return pieces(LZMADecompressor(FORMAT_RAW, filters=filters), chunks, has_end=False)


def _as_lzma2(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes as chunks of LZMA2 that are not packed, so that a filter can stand before.

    The library takes a filter only before LZMA; without the mark at its end the filter would keep
    its last bytes back.
    """
    control = b"\x01"
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            piece = chunk[start : start + _PIECE]
            yield control + (len(piece) - 1).to_bytes(2, "big") + piece
            control = b"\x02"
    yield b"\0"
