"""safetensors: a JSON header and bytes that it must tell of completely.

Source: https://huggingface.co/docs/safetensors/index#format
"""

import math
import re
from typing import TYPE_CHECKING

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.later import Later
from tyrian.supply.scan.source import Source
from tyrian.supply.scan.strict_json import JsonError, decode

if TYPE_CHECKING:
    from tyrian.supply.scan.homes.template import check_template
else:
    check_template = Later("homes.template:check_template")

_MOST_HEADER = 100_000_000
"""As the reference reader has it."""
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

_CODE = re.compile(
    r"\b(?:__import__|eval|exec|compile|os\.(?:system|popen)|subprocess\.\w+|pickle\.loads)\s*\("
    r"|\A(?:gASV|gAN|gAJ|gAR)[A-Za-z0-9+/=]{8,}|<script\b|\A\s*#!/"
)
"""Calls, pickles in base64, scripts: what tools that read metadata could be made to run."""


def scan_safetensors(source: Source, report: Collector) -> None:
    """Check the header and that its tensors lie side by side over all bytes."""

    def fault(offset: int, why: str) -> None:
        report.add("safetensors-malformed", offset, why)

    length = int.from_bytes(source.read_at(0, 8), "little")
    if length > _MOST_HEADER or 8 + length > source.size:
        fault(0, f"its header has {length} bytes, and the file {source.size}")
        return
    data = source.read_at(8, length)
    try:
        header = decode(data)
    except JsonError as error:
        fault(8 + error.offset, f"its header: {error}")
        return
    if not isinstance(header, dict):
        fault(8, "its header is no object")
        return
    if data.rstrip(b" ")[-1:] != b"}" or data[:1] != b"{":
        fault(8, "its header is padded with something else than blanks")
    _check_metadata(header.pop("__metadata__", {}), report)
    places: list[tuple[int, int, str]] = []
    for name, told in header.items():
        place = _place(told)
        if any(ord(char) < 32 or "\x7f" <= char <= "\x9f" for char in name):
            fault(8, f"tensor {name[:80]!r} has control characters in its name")
        if isinstance(place, str):
            fault(8, f"tensor {name[:80]!r}: {place}")
        else:
            places.append((*place, name))
    at, first = 0, 8 + length
    for start, end, name in sorted(places):
        if start != at:
            what = "lies upon another" if start < at else f"leaves {start - at} bytes before it"
            fault(first + start, f"tensor {name[:80]!r} {what}")
        at = max(at, end)
    if first + at != source.size:
        fault(first + at, f"its tensors end {source.size - first - at} bytes before the file does")


def _place(told: object) -> tuple[int, int] | str:
    if not isinstance(told, dict) or set(told) != {"dtype", "shape", "data_offsets"}:
        return "has not just dtype, shape and data_offsets"
    bits, shape, offsets = _BITS.get(str(told["dtype"])), told["shape"], told["data_offsets"]
    if bits is None:
        return f"has the unknown type {str(told['dtype'])[:20]!r}"
    if not _is_counts(shape) or not _is_counts(offsets) or len(offsets) != 2:
        return "has a shape or place that is no list of counts"
    start, end = offsets
    if end < start or (end - start) * 8 != math.prod(shape) * bits:
        return f"has {end - start} bytes, which is not what its shape and type need"
    return start, end


def _is_counts(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 1 << 63 for one in value)


def _check_metadata(metadata: object, report: Collector) -> None:
    if not isinstance(metadata, dict):
        report.add("safetensors-malformed", 8, "its metadata is no object")
        return
    for key, value in metadata.items():
        if not isinstance(value, str):
            report.add("safetensors-malformed", 8, f"metadata {key[:80]!r} is no text")
        elif "{{" in value or "{%" in value:
            check_template(value, report.inside(f"__metadata__.{key}"))
        elif found := _CODE.search(value):
            told = f"metadata {key[:80]!r} holds code or a pickle: {found[0][:60]!r}"
            report.add("safetensors-carries-code", 8, told)
