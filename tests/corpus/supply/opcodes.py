"""Pickles put together opcode by opcode, as no writer makes them; payloads only print a word."""

import struct

TOLD = b"tyrian"


def text(value: str) -> bytes:
    """SHORT_BINUNICODE."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def named(module: str, name: str) -> bytes:
    """GLOBAL, as protocols 0 to 3 have it."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stack_global(module: str, name: str) -> bytes:
    """Two texts and STACK_GLOBAL."""
    return text(module) + text(name) + b"\x93"


def call(function: bytes, argument: str = "tyrian") -> bytes:
    """The function called with one text."""
    return function + text(argument) + b"\x85R"


def frame(data: bytes) -> bytes:
    """A frame of just that length."""
    return b"\x95" + struct.pack("<Q", len(data)) + data


def proto(data: bytes, version: int = 4) -> bytes:
    """A whole pickle of that protocol."""
    return b"\x80" + bytes([version]) + data + b"."


def reduced(module: str, name: str, version: int = 2) -> bytes:
    """A pickle that calls a name with one text."""
    made = named(module, name) if version < 4 else stack_global(module, name)
    return proto(call(made), version)
