"""RAR archives, written by hand as the format's description has them; nothing here is packed."""

import struct
from zlib import crc32


def _varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made += bytes([value & 127 | 128])
        value >>= 7
    return made + bytes([value])


def _block(kind: int, body: bytes, data: bytes = b"", extra: bytes = b"") -> bytes:
    flags = (1 if extra else 0) | (2 if data else 0)
    head = _varint(kind) + _varint(flags)
    head += (_varint(len(extra)) if extra else b"") + (_varint(len(data)) if data else b"")
    head += body + extra
    sized = _varint(len(head)) + head
    return struct.pack("<I", crc32(sized)) + sized + data


def rar5(name: str, data: bytes, *, method: int = 0, is_encrypted: bool = False) -> bytes:
    """An archive of version 5 with one member."""
    told = name.encode()
    body = b"\0" + _varint(len(data)) + b"\0" + _varint(method << 7) + b"\1"
    extra = b"\x02\x01\x00" if is_encrypted else b""
    member = _block(2, body + _varint(len(told)) + told, data, extra)
    return b"Rar!\x1a\x07\x01\0" + _block(1, b"\0") + member + _block(5, b"\0")


def rar5_hidden() -> bytes:
    """An archive of version 5 whose headers are encrypted."""
    return b"Rar!\x1a\x07\x01\0" + _block(4, b"\0\0\x0f" + bytes(16)) + bytes(64)


def rar4(name: str, data: bytes, *, method: int = 0x30) -> bytes:
    """An archive of the older format with one member."""
    told = name.encode()
    size = 32 + len(told)
    head = struct.pack("<BHHIIBIIBBHI", 0x74, 0x8000, size, len(data), len(data), 3, crc32(data), 0,
                       20, method, len(told), 0) + told  # fmt: skip
    main = struct.pack("<BHH", 0x73, 0, 13) + bytes(6)
    end = struct.pack("<BHH", 0x7B, 0x4000, 7)
    parts = (main, head, end)
    made = [struct.pack("<H", crc32(part) & 0xFFFF) + part for part in parts]
    return b"Rar!\x1a\x07\0" + made[0] + made[1] + data + made[2]
