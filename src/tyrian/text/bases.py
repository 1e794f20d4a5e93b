"""Text written in base 85 and base 58, proved by its first bytes before it is decoded."""

import base64
import binascii
from functools import cache
from string import ascii_letters

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.readable import as_text
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, members, runs_of

_LEAST = 20
_GROUP = 5
_HEAD = 2 * _GROUP
LEAST_BASE58, _MOST_58 = 22, 1024
"""Longer runs take time that grows with the square of their length."""
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_ASCII85 = "".join(map(chr, range(33, 118)))
_NO_DIGIT = 0xFF


@cache
def _values(digits: str) -> Bytes:
    table = np.full(256, _NO_DIGIT, dtype=np.uint8)
    table[[ord(c) for c in digits]] = np.arange(len(digits))
    return table


_IS_TEXT = members(ascii_letters + " ,.'")


def base85_pieces(source: Source) -> Pieces:
    """ASCII85, with or without its brackets, and the base 85 of RFC 1924."""
    starts, ends = runs_of((source.data > 0x20) & (source.data < 0x7F))
    long = ends - starts >= _LEAST
    starts, ends = starts[long], ends[long]
    if not len(starts):
        return NONE
    data = source.data
    is_framed = (data[starts] == ord("<")) & (data[starts + 1] == ord("~"))
    places = np.where(is_framed, starts + 2, starts)
    texts = [""] * len(starts)
    for digits, decode in ((_ASCII85, _from_ascii85), (_BASE85, _from_base85)):
        for number in np.flatnonzero(_begins_as_text(data, places, digits)).tolist():
            run = source.text[int(places[number]) : int(ends[number])]
            texts[number] = texts[number] or decode(run)
    return Pieces.of_texts(starts, ends, texts)


def _begins_as_text(data: Bytes, places: Index, digits: str) -> Bools:
    """Whether the first eight bytes are letters and blanks: one in 100,000 is by chance."""
    table = _values(digits)
    good = np.ones(len(places), dtype=np.bool_)
    for group in (0, _GROUP):
        value = np.zeros(len(places), dtype=np.uint64)
        for step in range(group, group + _GROUP):
            digit = table[data[places + step]]
            good &= digit != _NO_DIGIT
            value = value * np.uint64(85) + digit
        good &= value < np.uint64(1 << 32)
        for shift in (24, 16, 8, 0):
            good &= _IS_TEXT[((value >> np.uint64(shift)) & np.uint64(0xFF)).astype(np.uint8)]
    return good


@cache
def _scalar_values(digits: str) -> dict[int, int]:
    return {ord(digit): value for value, digit in enumerate(digits)}


def is_base85_head(head: bytes) -> bool:
    """The same for the first ten digits of one run, in either base 85."""
    return any(_is_head(head, _scalar_values(digits)) for digits in (_ASCII85, _BASE85))


def _is_head(head: bytes, values: dict[int, int]) -> bool:
    for start in (0, _GROUP):
        value = 0
        for sign in head[start : start + _GROUP]:
            if sign not in values:
                return False
            value = value * 85 + values[sign]
        if value >= 1 << 32 or any(not _IS_TEXT[byte] for byte in value.to_bytes(4)):
            return False
    return True


def _from_ascii85(run: str) -> str:
    try:
        return as_text(base64.a85decode(run.split("~>")[0]))
    except ValueError:
        return ""


def _from_base85(run: str) -> str:
    try:
        return as_text(base64.b85decode(run))
    except ValueError:
        return ""


def base58_pieces(source: Source) -> Pieces:
    """Base 58, as addresses of Bitcoin are written in."""
    starts, ends = source.tokens
    sizes = ends - starts
    fit = (sizes >= LEAST_BASE58) & (sizes <= _MOST_58)
    starts, ends, sizes = starts[fit], ends[fit], sizes[fit]
    if not len(starts):
        return NONE
    likely = _heads_are_text(source.data, starts, sizes)
    texts = [""] * len(starts)
    for number in np.flatnonzero(likely).tolist():
        texts[number] = _from_base58(source.text[int(starts[number]) : int(ends[number])])
    return Pieces.of_texts(starts, ends, texts)


def _heads_are_text(data: Bytes, starts: Index, sizes: Index) -> Bools:
    """Whether the first four bytes are letters, worked out from the first ten digits."""
    table = _values(_BASE58)
    head = np.zeros(len(starts))
    good = np.ones(len(starts), dtype=np.bool_)
    for step in range(_HEAD):
        digit = table[data[starts + step]]
        good &= digit != _NO_DIGIT
        head = head * 58 + digit
    bits = np.log2(np.maximum(head, 1)) + (sizes - _HEAD) * np.log2(58)
    # Bits of the first byte, whose highest bit is none: the number is shorter than its bytes.
    lead = bits % 8
    value = np.exp2(lead + 24)
    for shift in (24, 16, 8):
        byte = np.floor(value / 2.0**shift) % 256
        good &= _IS_TEXT[byte.astype(np.uint8)]
    return good


def _from_base58(run: str) -> str:
    value = 0
    for char in run:
        digit = _BASE58.find(char)
        if digit < 0:
            return ""
        value = value * 58 + digit
    try:
        return as_text(value.to_bytes((value.bit_length() + 7) // 8))
    except (OverflowError, binascii.Error):
        return ""
