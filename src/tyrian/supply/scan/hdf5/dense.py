"""Links and attributes that are kept in a fractal heap, found by a version 2 B-tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.supply.scan.hdf5.layout import Bytes, Cursor, Hdf5Error, UnreadError

_MOST_RECORDS = 100_000
_MOST_DEPTH = 8
_LINK_BY_NAME, _ATTRIBUTE_BY_NAME = 5, 8


@dataclass(frozen=True, slots=True)
class _Heap:
    file: Bytes
    wide_offset: int
    wide_size: int
    has_checksum: bool
    width: int
    first: int
    """Bytes of a block in the first row."""
    most: int
    """Bytes of the largest block that holds objects."""
    root: int
    rows: int
    """Rows of the root; 0 where it is a block of objects."""


def dense_objects(file: Bytes, heap_at: int, tree_at: int) -> Iterator[Cursor]:
    """The bytes of every object that the tree tells of."""
    heap = _heap(file, heap_at)
    for ident in _records(file, tree_at):
        yield _object(heap, ident)


def _heap(file: Bytes, at: int) -> _Heap:
    head = file.at(at, 22 + 12 * file.wide_length + 3 * file.wide_address)
    head.expect(b"FRHP\0")
    head.take(2)
    filters, flags, largest = head.number(2), head.number(1), head.number(4)
    if filters:
        raise UnreadError("packs the heap of its links or attributes", head.place)
    head.length()
    head.address()
    head.length()
    head.address()
    for _ in range(8):
        head.length()
    width, first, most, bits = head.number(2), head.length(), head.length(), head.number(2)
    head.take(2)
    root, rows = head.address(), head.number(2)
    if not width or not first or first & (first - 1) or most < first or bits > 64:
        raise Hdf5Error("has a heap whose sizes cannot be", head.place)
    wide_size = (min(most, largest).bit_length() - 1) // 8 + 1
    return _Heap(file, -(-bits // 8), wide_size, bool(flags & 2), width, first, most, root, rows)


def _object(heap: _Heap, ident: bytes) -> Cursor:
    kind = ident[0] >> 4 & 3
    if ident[0] >> 6 or kind == 1:
        raise UnreadError("keeps a link or attribute apart from its heap")
    if kind == 2:
        length = (ident[0] & 15) + 1
        return Cursor(heap.file, ident[1 : 1 + length], 0)
    offset = int.from_bytes(ident[1 : 1 + heap.wide_offset], "little")
    end = 1 + heap.wide_offset + heap.wide_size
    length = int.from_bytes(ident[1 + heap.wide_offset : end], "little")
    block, start = _block_of(heap, offset)
    return heap.file.at(block + offset - start, length)


def _block_of(heap: _Heap, offset: int) -> tuple[int, int]:
    """The address of the block that holds an offset, and the offset of its first byte."""
    if not heap.rows:
        return heap.root, 0
    address, start, rows = heap.root, 0, heap.rows
    direct = (heap.most // heap.first).bit_length() + 1
    for _ in range(_MOST_DEPTH):
        row, size, at = 0, heap.first, start
        while row < rows and offset >= at + heap.width * size:
            at += heap.width * size
            size = size * 2 if row else size
            row += 1
        if row >= rows:
            break
        column = (offset - at) // size
        head = 5 + heap.file.wide_address + heap.wide_offset
        entry = head + (row * heap.width + column) * heap.file.wide_address
        block = heap.file.at(address, entry + heap.file.wide_address)
        block.expect(b"FHIB\0")
        block.offset = entry
        address, start = block.address(), at + column * size
        if row < direct:
            return address, start
        rows = (size // heap.first // heap.width).bit_length()
    raise Hdf5Error("has an object outside of its heap")


def _records(file: Bytes, at: int) -> Iterator[bytes]:
    """The heap ids of all records of a tree."""
    head = file.at(at, 22 + file.wide_address + file.wide_length)
    head.expect(b"BTHD\0")
    kind, size, wide, depth = (head.number(1), head.number(4), head.number(2), head.number(2))
    head.take(2)
    root, count, total = head.address(), head.number(2), head.length()
    if kind not in (_LINK_BY_NAME, _ATTRIBUTE_BY_NAME) or total > _MOST_RECORDS or wide < 5:
        raise UnreadError(f"has a tree of type {kind} with {total} records", head.place)
    if not total or file.is_undefined(root):
        return
    widths = _pointer_widths(file, size, wide, depth)
    stack, given = [(root, count, depth)], 0
    while stack:
        node, held, level = stack.pop()
        block = file.at(node, size)
        block.expect(b"BTIN\0" if level else b"BTLF\0")
        block.take(1)
        for _ in range(held):
            record = block.take(wide)
            yield record[4:] if kind == _LINK_BY_NAME else record
            given += 1
        if given + len(stack) > total:
            raise Hdf5Error("has a tree with more records than it tells of", block.place)
        if level:
            few, all_ = widths[level - 1]
            for _ in range(held + 1):
                child, inside = block.address(), block.number(few)
                block.take(all_)
                stack.append((child, inside, level - 1))


def _pointer_widths(file: Bytes, size: int, wide: int, depth: int) -> list[tuple[int, int]]:
    """Bytes of the two counts beside the pointer to a child, for children of each level."""
    if depth > _MOST_DEPTH or size < 16 + wide:
        raise Hdf5Error("has a tree that cannot be")
    most = total = (size - 10) // wide
    few = (most.bit_length() - 1) // 8 + 1
    widths = [(few, 0)]
    for _ in range(1, depth):
        pointer = file.wide_address + few + widths[-1][1]
        most = (size - 10 - pointer) // (wide + pointer)
        total = (most + 1) * total + most
        widths.append((few, (total.bit_length() - 1) // 8 + 1))
    return widths
