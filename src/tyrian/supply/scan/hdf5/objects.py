"""Groups, datasets and their attributes, as far as they say what else would be read or run."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tyrian.supply.scan.hdf5.dense import dense_objects
from tyrian.supply.scan.hdf5.layout import Bytes, Cursor, Hdf5Error

_MOST_MESSAGES = 200_000
_MOST_CHUNKS = 4096
_MOST_NODES = 100_000
_MOST_TEXT = 64 << 20
_LINK_INFO, _DATATYPE, _LINK, _EXTERNAL, _LAYOUT = 0x02, 0x03, 0x06, 0x07, 0x08
_FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOLS, _ATTRIBUTE_INFO = 0x0B, 0x0C, 0x10, 0x11, 0x15
_SHARED = 2


@dataclass(slots=True)
class Link:
    """A name in a group."""

    name: str
    address: int = -1
    """Of the object that it leads to; -1 where it leads elsewhere."""
    file: str = ""
    """Another file that an external link leads to."""
    kind: int = 0


@dataclass(slots=True)
class Attribute:
    """A value beside an object; None where it is no text."""

    name: str
    value: bytes | None
    place: int


@dataclass(slots=True)
class Node:
    """All that an object header tells."""

    place: int
    links: list[Link] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Other files that hold its data."""
    filters: list[int] = field(default_factory=list)
    is_virtual: bool = False


def node_at(file: Bytes, address: int) -> Node:
    """Read an object header with all its messages; raises Hdf5Error."""
    node = Node(file.base + address)
    for kind, flags, body in _messages(file, address):
        if kind == _ATTRIBUTE and not flags & _SHARED:
            node.attributes.append(_attribute(file, body))
        elif kind == _LINK:
            node.links.append(_link(body))
        elif kind == _SYMBOLS:
            node.links.extend(_symbols(file, body.address(), body.address()))
        elif kind in (_LINK_INFO, _ATTRIBUTE_INFO):
            _take_dense(file, node, kind, body)
        elif kind == _EXTERNAL:
            node.files.extend(_external(file, body))
        elif kind == _FILTERS:
            node.filters.extend(_filters(body))
        elif kind == _LAYOUT:
            version, first = body.number(1), body.number(1)
            node.is_virtual = version >= 3 and first == 3
    return node


def _messages(file: Bytes, address: int) -> Iterator[tuple[int, int, Cursor]]:
    head = file.at(address, 16)
    if head.data[:4] == b"OHDR":
        yield from _new_messages(file, address)
        return
    if head.number(1) != 1:
        raise Hdf5Error("has no object where one is named", head.place)
    head.take(7)
    blocks, count = [(address + 16, head.number(4))], 0
    for number, (start, size) in enumerate(blocks):
        block = file.at(start, size)
        while block.left >= 8:
            kind, length, flags = block.number(2), block.number(2), block.number(1)
            block.take(3)
            body = Cursor(file, block.take(length), block.place + block.offset - length)
            if kind == _CONTINUATION:
                blocks.append((body.address(), body.length()))
            else:
                yield kind, flags, body
            if (count := count + 1) > _MOST_MESSAGES or number > _MOST_CHUNKS:
                raise Hdf5Error("has an object without an end", head.place)


def _new_messages(file: Bytes, address: int) -> Iterator[tuple[int, int, Cursor]]:
    head = file.at(address, 6)
    flags = head.data[5]
    start = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(file.at(address + start, width).data, "little")
    blocks, count = [(address + start + width, size, 0)], 0
    for number, (at, length, skipped) in enumerate(blocks):
        block = file.at(at, length)
        block.take(skipped)
        least = 6 if flags & 4 else 4
        while block.left >= least + (4 if skipped else 0):
            kind, size, told = block.number(1), block.number(2), block.number(1)
            if flags & 4:
                block.take(2)
            body = Cursor(file, block.take(size), block.place + block.offset - size)
            if kind == _CONTINUATION:
                inner, inner_size = body.address(), body.length()
                file.at(inner, inner_size).expect(b"OCHK")
                blocks.append((inner, inner_size, 4))
            else:
                yield kind, told, body
            if (count := count + 1) > _MOST_MESSAGES or number > _MOST_CHUNKS:
                raise Hdf5Error("has an object without an end", head.place)


def _take_dense(file: Bytes, node: Node, kind: int, body: Cursor) -> None:
    body.take(1)
    flags = body.number(1)
    if flags & 1:
        body.take(8 if kind == _LINK_INFO else 2)
    heap, tree = body.address(), body.address()
    if file.is_undefined(heap):
        return
    for found in dense_objects(file, heap, tree):
        if kind == _LINK_INFO:
            node.links.append(_link(found))
        else:
            node.attributes.append(_attribute(file, found))


def _link(body: Cursor) -> Link:
    body.take(1)
    flags = body.number(1)
    kind = body.number(1) if flags & 8 else 0
    body.take((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
    name = body.take(body.number(1 << (flags & 3))).decode("utf-8", "backslashreplace")
    if kind == 0:
        return Link(name, body.address())
    rest = Cursor(body.file, body.take(body.number(2)), body.place)
    if kind != 64:
        return Link(name, kind=kind)
    rest.take(1)
    return Link(name, file=rest.text(), kind=kind)


def _symbols(file: Bytes, tree: int, heap: int) -> Iterator[Link]:
    """The links of a group of the old kind."""
    head = file.at(heap, 8 + 2 * file.wide_length + file.wide_address)
    head.expect(b"HEAP")
    head.take(4)
    size = head.length()
    head.length()
    names = file.at(head.address(), size)
    stack, seen = [tree], 0
    while stack:
        start = stack.pop()
        block = file.at(start, 8)
        if (seen := seen + 1) > _MOST_NODES:
            raise Hdf5Error("has a group without an end", block.place)
        if block.data[:4] == b"SNOD":
            yield from _leaf(file, start, int.from_bytes(block.data[6:8], "little"), names)
            continue
        block.expect(b"TREE")
        used = int.from_bytes(block.data[6:8], "little")
        step = file.wide_length + file.wide_address
        node = file.at(start, 8 + 2 * file.wide_address + used * step + file.wide_length)
        node.take(8 + 2 * file.wide_address)
        for _ in range(used):
            node.length()
            stack.append(node.address())


def _leaf(file: Bytes, start: int, count: int, names: Cursor) -> Iterator[Link]:
    node = file.at(start, 8 + count * (24 + 2 * file.wide_address))
    node.take(8)
    for _ in range(count):
        names.offset = min(node.address(), len(names.data))
        address, cached = node.address(), node.number(4)
        node.take(20)
        name = names.text()
        yield Link(name, kind=1) if cached == 2 else Link(name, address)


def _external(file: Bytes, body: Cursor) -> Iterator[str]:
    body.take(4)
    count = body.number(2)
    body.take(2)
    heap = file.at(body.address(), 8 + 2 * file.wide_length + file.wide_address)
    heap.expect(b"HEAP")
    heap.take(4)
    size = heap.length()
    heap.length()
    names = file.at(heap.address(), size)
    for _ in range(count):
        names.offset = min(body.length(), len(names.data))
        body.length()
        body.length()
        yield names.text()


def _filters(body: Cursor) -> Iterator[int]:
    version, count = body.number(1), body.number(1)
    body.take(6 if version == 1 else 0)
    for _ in range(count):
        ident = body.number(2)
        length = body.number(2) if version == 1 or ident >= 256 else 0
        body.take(2)
        values = body.number(2)
        body.take(-(-length // 8) * 8 if version == 1 else length)
        body.take(4 * (values + (values & 1 if version == 1 else 0)))
        yield ident


def _attribute(file: Bytes, body: Cursor) -> Attribute:
    version, flags = body.number(1), body.number(1)
    sizes = body.number(2), body.number(2), body.number(2)
    if version == 3:
        body.take(1)
    elif version not in (1, 2):
        raise Hdf5Error(f"has an attribute of version {version}", body.place)
    parts: list[Cursor] = []
    for size in sizes:
        place = body.place + body.offset
        parts.append(Cursor(file, body.take(size), place))
        if version == 1:
            body.take(min(-size % 8, body.left))
    name = parts[0].data.partition(b"\0")[0].decode("utf-8", "backslashreplace")
    place = body.place + body.offset
    value = None if version > 1 and flags & 1 else _text(file, parts[1].data, body)
    return Attribute(name, value, place)


def _text(file: Bytes, datatype: bytes, body: Cursor) -> bytes | None:
    """What a text, or texts one after another, say; None for all other types."""
    if len(datatype) < 8:
        raise Hdf5Error("has an attribute of no type", body.place)
    kind, size = datatype[0] & 15, int.from_bytes(datatype[4:8], "little")
    if kind == 3:
        return body.take(body.left)
    if kind != 9 or not size:
        return None
    made: list[bytes] = []
    while body.left >= 8 + file.wide_address:
        length, heap, index = body.number(4), body.address(), body.number(4)
        if length and not file.is_undefined(heap) and heap:
            made.append(_from_heap(file, heap, index, length))
        if sum(map(len, made)) > _MOST_TEXT:
            raise Hdf5Error("has texts beyond all measure", body.place)
    return b"\n".join(made)


def _from_heap(file: Bytes, address: int, wanted: int, length: int) -> bytes:
    head = file.at(address, 8 + file.wide_length)
    head.expect(b"GCOL")
    head.take(4)
    heap = file.at(address, head.length())
    heap.take(8 + file.wide_length)
    while heap.left >= 8 + file.wide_length:
        index = heap.number(2)
        heap.take(6)
        size = heap.length()
        if index == 0:
            break
        if index == wanted:
            return heap.take(min(size, length))
        heap.take(min(-(-size // 8) * 8, heap.left))
    raise Hdf5Error("names a text that its heap does not have", heap.place)
