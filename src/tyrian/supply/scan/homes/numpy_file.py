"""NumPy's .npy: a header that is a literal, then an array, or a pickle where it holds objects.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import ast
import math
import re

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.pickle_file import ScanInside, probe_of
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.source import Source

_MOST_HEADER = 1 << 16
_SIMPLE = re.compile(r"[<>|=]?([biufcSUVOMm?])(\d*)(\[[^\]]+\])?\Z")


def scan_npy(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> None:
    """Check the header, that the array fills the file, and the pickle of objects."""
    version = source.read_at(6, 2)
    width = 2 if version[:1] == b"\x01" else 4
    if version not in (b"\x01\0", b"\x02\0", b"\x03\0"):
        report.add("npy-malformed", 6, "it is of a version that does not exist")
        return
    length = int.from_bytes(source.read_at(8, width), "little")
    start = 8 + width + length
    if length > _MOST_HEADER or start > source.size:
        report.add("npy-malformed", 8, f"its header has {length} bytes")
        return
    text = source.read_at(8 + width, length)
    try:
        header = ast.literal_eval(text.decode("utf-8" if version == b"\x03\0" else "latin-1"))
        shape, dtype = header["shape"], header["descr"]
        count = math.prod(shape)
        size = _size_of(dtype)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        report.add("npy-malformed", 8 + width, "its header is no literal with shape and descr")
        return
    if size is None:
        machine = Machine(source, report, start=start, probe=probe_of(report, scan_inside, depth))
        end = machine.run()
        if end is not None and end < source.size:
            told = f"{source.size - end} bytes follow its end"
            report.add("pickle-trailing-data", end, told)
    elif count < 0 or start + count * size != source.size:
        told = f"its header tells of {count * size} bytes, and {source.size - start} are there"
        report.add("npy-malformed", start, told)


def _size_of(dtype: object) -> int | None:
    """Bytes of an element; None where it holds Python objects."""
    if isinstance(dtype, str):
        found = _SIMPLE.match(dtype)
        if not found:
            raise ValueError(dtype)
        if found[1] == "O":
            return None
        return int(found[2] or 1) * (4 if found[1] == "U" else 1)
    if isinstance(dtype, tuple) and len(dtype) == 2:
        inner = _size_of(dtype[0])
        return None if inner is None else inner * _count(dtype[1])
    if not isinstance(dtype, list):
        raise ValueError(dtype)
    total = 0
    for field in dtype:
        inner = _size_of(field[1])
        if inner is None:
            return None
        total += inner * (_count(field[2]) if len(field) > 2 else 1)
    return total


def _count(shape: object) -> int:
    return math.prod(shape) if isinstance(shape, tuple) else int(str(shape))
