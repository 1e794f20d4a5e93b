"""What the decompressors of Python's library have in common, in pieces of a bounded length."""

from collections.abc import Iterator
from typing import Protocol

from tyrian.supply.scan.source import CHUNK


class Unpacker(Protocol):
    """What zlib, bz2 and lzma have in common."""

    @property
    def eof(self) -> bool:
        """Whether the packed stream has ended."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Up to that many bytes more."""


def pieces(unpack: Unpacker, chunks: Iterator[bytes], *, has_end: bool = True) -> Iterator[bytes]:
    """What a decompressor gives; EOFError where a stream that marks its end breaks off."""
    for chunk in chunks:
        data = unpack.decompress(chunk, CHUNK)
        while data:
            yield data
            if unpack.eof:
                return
            data = unpack.decompress(getattr(unpack, "unconsumed_tail", b""), CHUNK)
        if unpack.eof:
            return
    if has_end:
        raise EOFError("it breaks off")
