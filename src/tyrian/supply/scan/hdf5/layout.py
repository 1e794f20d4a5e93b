"""The bytes of an HDF5 file by address: sizes of its fields, bounds, and what breaks them.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "HDF5 File Format
Specification Version 3.0".
"""

from dataclasses import dataclass

from tyrian.supply.scan.source import Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_READ = 64 << 20


class Hdf5Error(Exception):
    """A file that cannot be followed as HDF5."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class UnreadError(Hdf5Error):
    """A part of HDF5 that is not read here."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file with the width of its addresses and lengths."""

    source: Source
    base: int
    """Where its addresses are counted from."""
    wide_address: int
    wide_length: int

    def at(self, address: int, length: int) -> "Cursor":
        """That many bytes at an address; all of them, or Hdf5Error."""
        place = self.base + address
        if length < 0 or length > _MOST_READ or place + length > self.source.size:
            raise Hdf5Error(f"tells of {length} bytes at {address}, which are not there", place)
        return Cursor(self, self.source.read_at(place, length), place)

    def is_undefined(self, address: int) -> bool:
        """Whether an address says that there is nothing."""
        return address == (1 << 8 * self.wide_address) - 1


class Cursor:
    """Reads on through bytes, and never past their end."""

    def __init__(self, file: Bytes, data: bytes, place: int) -> None:
        self.file = file
        self.data = data
        self.place = place
        """Where the data begins in the source."""
        self.offset = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self.data) - self.offset

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if length < 0 or length > self.left:
            raise Hdf5Error("breaks off within a structure", self.place + self.offset)
        self.offset += length
        return self.data[self.offset - length : self.offset]

    def number(self, width: int) -> int:
        """A count in little-endian."""
        return int.from_bytes(self.take(width), "little")

    def address(self) -> int:
        """An address as wide as this file has them."""
        return self.number(self.file.wide_address)

    def length(self) -> int:
        """A length as wide as this file has them."""
        return self.number(self.file.wide_length)

    def expect(self, mark: bytes) -> None:
        """The name that a structure begins with."""
        if self.take(len(mark)) != mark:
            told = f"has no {mark.decode()} where one is named"
            raise Hdf5Error(told, self.place + self.offset - len(mark))

    def align(self, to: int = 8) -> None:
        """Go on at the next multiple, as far as there is one."""
        self.offset = min(len(self.data), -(-self.offset // to) * to)

    def text(self) -> str:
        """A text up to its zero byte."""
        end = self.data.find(b"\0", self.offset)
        if end < 0:
            raise Hdf5Error("has a name without an end", self.place + self.offset)
        return self.take(end + 1 - self.offset)[:-1].decode("utf-8", "backslashreplace")


def superblock_at(source: Source) -> int:
    """Where the superblock is: at 0, or behind a user block; -1 where there is none."""
    place = 0
    while place + 48 <= source.size and place <= 1 << 30:
        if source.read_at(place, 8) == SIGNATURE:
            return place
        place = place * 2 or 512
    return -1


def opened_hdf5(source: Source) -> tuple[Bytes, int]:
    """The file and the address of its root group."""
    start = superblock_at(source)
    if start < 0:
        raise Hdf5Error("has no superblock")
    head = source.read_at(start, 128)
    version = head[8]
    if version <= 1:
        return _old(source, head, start)
    if version > 3:
        raise UnreadError(f"is of version {version}", start)
    address, length = _widths(head[9], head[10], start)
    cursor = Cursor(Bytes(source, start, address, length), head, start)
    cursor.offset = 12
    base = cursor.address()
    cursor.address()
    cursor.address()
    root = cursor.address()
    return Bytes(source, base, address, length), root


def _old(source: Source, head: bytes, start: int) -> tuple[Bytes, int]:
    address, length = _widths(head[13], head[14], start)
    cursor = Cursor(Bytes(source, start, address, length), head, start)
    cursor.offset = 24 + 4 * head[8]
    base = cursor.address()
    for _ in range(4):  # free space, end of file, driver, the root's name
        cursor.address()
    return Bytes(source, base, address, length), cursor.address()


def _widths(address: int, length: int, start: int) -> tuple[int, int]:
    if address not in (2, 4, 8) or length not in (2, 4, 8):
        raise Hdf5Error(f"has addresses of {address} and lengths of {length} bytes", start)
    return address, length
