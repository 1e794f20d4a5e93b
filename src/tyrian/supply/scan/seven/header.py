"""7z: what the header at the end of an archive tells of its folders and files.

Source: DOC/7zFormat.txt of the LZMA SDK, https://www.7-zip.org/sdk.html (public domain).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

from tyrian.supply.scan.seven.coders import Coder, SevenError, unpacked
from tyrian.supply.scan.source import Source

_START = struct.Struct("<6sBBIQQI")
_MOST_HEADER = 64 << 20
_MOST_FILES = 200_000
_END, _HEADER, _PROPERTIES, _ADDITIONAL, _MAIN, _FILES = 0, 1, 2, 3, 4, 5
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC, _FOLDER = 6, 7, 8, 9, 10, 11
_UNPACK_SIZE, _COUNTS, _EMPTY, _EMPTY_FILE, _NAMES = 12, 13, 14, 15, 17
_ATTRIBUTES, _ENCODED = 21, 23


@dataclass(slots=True)
class Folder:
    """Files that are packed as one stream."""

    coders: list[Coder]
    chain: list[int]
    """The coders from the one that gives the files to the one that reads; empty where these are
    no chain."""
    sizes: list[int] = field(default_factory=list)
    """What each coder gives."""
    start: int = 0
    packed: int = 0
    streams: int = 1
    files: list[int] = field(default_factory=list)
    """Bytes of each file."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.sizes[self.chain[0] if self.chain else 0]


@dataclass(slots=True)
class Entry:
    """A file of the archive."""

    name: str
    folder: int
    """-1 where it has no bytes."""
    offset: int
    size: int
    mode: int
    is_directory: bool


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        if length < 0 or self.at + length > len(self._data):
            raise SevenError("breaks off within its header")
        self.at += length
        return self._data[self.at - length : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        first, mask, value = self.byte(), 0x80, 0
        for shift in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * shift
            value |= self.byte() << 8 * shift
            mask >>= 1
        return value

    def count(self) -> int:
        value = self.number()
        if value > _MOST_FILES:
            raise SevenError(f"tells of {value} files or streams")
        return value

    def bits(self, count: int) -> list[bool]:
        data = self.take(-(-count // 8))
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def defined(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)


def read_header(source: Source) -> tuple[list[Folder], list[Entry], int]:
    """All folders and files, and where the archive ends; raises SevenError."""
    head = source.read_at(0, 32)
    if len(head) < _START.size:
        raise SevenError("breaks off within its first header")
    _, _, _, told, offset, size, crc = _START.unpack(head)
    if crc32(head[12:]) != told:
        raise SevenError("has a first header with a wrong checksum")
    if not size:
        return [], [], 32
    data = _packed_header(source, 32 + offset, size)
    if crc32(data) != crc:
        raise SevenError("has a header with a wrong checksum")
    for _ in range(4):
        reader = _Reader(data)
        kind = reader.number()
        if kind == _HEADER:
            return *_header(reader), 32 + offset + size
        if kind != _ENCODED:
            break
        folders = _streams(reader)
        if len(folders) != 1 or folders[0].size > _MOST_HEADER:
            break
        data = b"".join(unpack_folder(source, folders[0]))
    raise SevenError("has no header that can be read")


def _packed_header(source: Source, start: int, size: int) -> bytes:
    if size > _MOST_HEADER or start + size > source.size:
        raise SevenError("breaks off before its header")
    return source.read_at(start, size)


def unpack_folder(source: Source, folder: Folder) -> Iterator[bytes]:
    """The bytes of all files of a folder, one after another."""
    if not folder.chain:
        raise SevenError("joins several streams in a way that is not read here", is_unread=True)
    if 32 + folder.start + folder.packed > source.size:
        raise SevenError("breaks off within its data")
    part = source.part(32 + folder.start, folder.packed)
    steps = [(folder.coders[index], folder.sizes[index]) for index in folder.chain]
    return unpacked(part, steps)


def _header(reader: _Reader) -> tuple[list[Folder], list[Entry]]:
    folders: list[Folder] = []
    entries: list[Entry] = []
    while (kind := reader.number()) != _END:
        if kind == _PROPERTIES:
            while reader.number() != _END:
                reader.take(reader.number())
        elif kind == _ADDITIONAL:
            _streams(reader)
        elif kind == _MAIN:
            folders = _streams(reader)
        elif kind == _FILES:
            entries = _files(reader, folders)
        else:
            raise SevenError(f"has a header of the unknown part {kind}")
    return folders, entries


def _streams(reader: _Reader) -> list[Folder]:
    start, packed, folders = 0, list[int](), list[Folder]()
    while (kind := reader.number()) != _END:
        if kind == _PACK:
            start = reader.number()
            packed = _pack_sizes(reader, reader.count())
        elif kind == _UNPACK:
            folders = _folders(reader)
        elif kind == _SUBSTREAMS:
            _substreams(reader, folders)
        else:
            raise SevenError(f"has streams of the unknown part {kind}")
    for folder in folders:
        folder.files = folder.files or [folder.size]
    _place(folders, packed, start)
    return folders


def _place(folders: list[Folder], packed: list[int], start: int) -> None:
    sizes = iter(packed)
    for folder in folders:
        wanted = sum(coder.inputs for coder in folder.coders) - len(folder.coders) + 1
        own = [next(sizes, -1) for _ in range(wanted)]
        if -1 in own:
            raise SevenError("has fewer packed streams than its folders need")
        folder.start, folder.packed = start, sum(own)
        start += folder.packed


def _pack_sizes(reader: _Reader, count: int) -> list[int]:
    sizes: list[int] = []
    while (kind := reader.number()) != _END:
        if kind == _SIZE:
            sizes = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            _digests(reader, count)
        else:
            raise SevenError(f"has packed streams of the unknown part {kind}")
    return sizes


def _digests(reader: _Reader, count: int) -> list[bool]:
    known = reader.defined(count)
    reader.take(4 * sum(known))
    return known


def _folders(reader: _Reader) -> list[Folder]:
    folders: list[Folder] = []
    while (kind := reader.number()) != _END:
        if kind == _FOLDER:
            count = reader.count()
            if reader.byte():
                raise SevenError("keeps its folders elsewhere", is_unread=True)
            folders = [_folder(reader) for _ in range(count)]
        elif kind == _UNPACK_SIZE:
            for folder in folders:
                folder.sizes = [reader.number() for _ in folder.coders]
        elif kind == _CRC:
            _digests(reader, len(folders))
        else:
            raise SevenError(f"has folders of the unknown part {kind}")
    if any(not folder.sizes for folder in folders):
        raise SevenError("has folders without sizes")
    return folders


def _folder(reader: _Reader) -> Folder:
    coders: list[Coder] = []
    for _ in range(reader.number() & 31):
        flags = reader.byte()
        method = reader.take(flags & 15)
        inputs, outputs = (reader.number(), reader.number()) if flags & 16 else (1, 1)
        properties = reader.take(reader.number()) if flags & 32 else b""
        if outputs != 1 or not 1 <= inputs <= 4:
            raise SevenError("has a coder with several outputs")
        coders.append(Coder(method, properties, inputs))
    if not coders:
        raise SevenError("has a folder without a coder")
    pairs = [(reader.number(), reader.number()) for _ in range(len(coders) - 1)]
    total = sum(coder.inputs for coder in coders)
    if total - len(pairs) > 1:
        for _ in range(total - len(pairs)):
            reader.number()
    return Folder(coders, _chain(coders, dict(pairs)) if total == len(coders) else [])


def _chain(coders: list[Coder], source_of: dict[int, int]) -> list[int]:
    """The order of coders of one input each, whose outputs are bound to inputs."""
    ends = set(range(len(coders))) - set(source_of.values())
    if len(ends) != 1 or len(source_of) != len(coders) - 1:
        return []
    order = [ends.pop()]
    while order[-1] in source_of and len(order) < len(coders):
        order.append(source_of[order[-1]])
    is_whole = len(set(order)) == len(coders) and max(order) < len(coders)
    return order if is_whole else []


def _substreams(reader: _Reader, folders: list[Folder]) -> None:
    kind = reader.number()
    if kind == _COUNTS:
        for folder in folders:
            folder.streams = reader.count()
        kind = reader.number()
    for folder in folders:
        sizes: list[int] = []
        if kind == _SIZE:
            sizes = [reader.number() for _ in range(folder.streams - 1)]
        if folder.streams:
            sizes.append(folder.size - sum(sizes))
        if any(size < 0 for size in sizes) or (kind != _SIZE and folder.streams > 1):
            raise SevenError("has files that are larger than their folder")
        folder.files = sizes
    if kind == _SIZE:
        kind = reader.number()
    while kind != _END:
        if kind != _CRC:
            raise SevenError(f"has files of the unknown part {kind}")
        _digests_of_rest(reader, folders)
        kind = reader.number()


def _digests_of_rest(reader: _Reader, folders: list[Folder]) -> None:
    """Checksums of files whose folder has none of its own; it may have, where it is one file."""
    total = sum(folder.streams for folder in folders)
    start = reader.at
    try:
        _digests(reader, total)
        if reader.number() == _END:
            reader.at -= 1
            return
    except SevenError:
        pass
    reader.at = start
    _digests(reader, sum(folder.streams for folder in folders if folder.streams != 1))


def _files(reader: _Reader, folders: list[Folder]) -> list[Entry]:
    count = reader.count()
    names, empty, empty_file, modes = [""] * count, [False] * count, list[bool](), [0] * count
    while (kind := reader.number()) != _END:
        part = _Reader(reader.take(reader.number()))
        if kind == _EMPTY:
            empty = part.bits(count)
        elif kind == _EMPTY_FILE:
            empty_file = part.bits(sum(empty))
        elif kind == _NAMES:
            names = _names(part, count)
        elif kind == _ATTRIBUTES:
            known = part.defined(count)
            part.byte()
            for index in range(count):
                if known[index]:
                    modes[index] = int.from_bytes(part.take(4), "little")
    return _placed(names, empty, empty_file, modes, folders)


def _names(part: _Reader, count: int) -> list[str]:
    if part.byte():
        raise SevenError("keeps its names elsewhere", is_unread=True)
    names: list[str] = []
    for _ in range(count):
        made = bytearray()
        while (pair := part.take(2)) != b"\0\0":
            made += pair
        names.append(made.decode("utf-16-le", "backslashreplace"))
    return names


def _placed(
    names: list[str], empty: list[bool], empty_file: list[bool], modes: list[int],
    folders: list[Folder],
) -> list[Entry]:  # fmt: skip
    places = [
        (number, sum(folder.files[:index]), size)
        for number, folder in enumerate(folders)
        for index, size in enumerate(folder.files)
    ]
    full, files, entries = iter(places), iter(empty_file), list[Entry]()
    for name, is_empty, mode in zip(names, empty, modes, strict=True):
        unix = mode >> 16 if mode & 0x8000 else 0
        if is_empty:
            entries.append(Entry(name, -1, 0, 0, unix, not next(files, False)))
            continue
        place = next(full, None)
        if place is None:
            raise SevenError("tells of more files than it holds")
        entries.append(Entry(name, *place, unix, is_directory=False))
    if next(full, None) is not None:
        raise SevenError("holds more files than it tells of")
    return entries
