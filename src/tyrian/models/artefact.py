"""Weights of an embedded model on disk: one small npz file, read once and checked."""

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.errors import MissingDependencyError
from tyrian.models.features import F64, TABLE_SIZE, U32
from tyrian.models.windows import F32, SIZES

I8 = npt.NDArray[np.int8]
FORMAT = 1
MAPPED_FROM = 1 << 20
"""Bytes from which an array is mapped."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PIECE = 1 << 16
_LENGTHS_AT, _LENGTHS = 26, struct.Struct("<HH")
"""Where the header of a member in a zip file says how long its name and its extra field are."""


@dataclass(frozen=True, slots=True, repr=False)
class FullTable:
    """One weight per bucket."""

    weights: F32

    def take(self, buckets: U32) -> F32:
        """The weight of each bucket."""
        return self.weights.take(buckets)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A linear model over hashed n-grams: one main head, and finer heads behind it."""

    main: FullTable
    thresholds: F64 = field(repr=False)
    """Per window size, the raw score that means a probability of one half."""
    slope: float
    fine: F32 = field(repr=False)
    """One row per finer label, over folded buckets."""
    fine_bias: F32 = field(repr=False)
    labels: tuple[str, ...]
    revision: str
    meta: Mapping[str, object] = field(repr=False)


def pack(weights: F32) -> tuple[I8, float]:
    """Weights as one signed byte each, finer near zero: sign(w) * (code / 127)**2 * scale."""
    scale = float(np.abs(weights).max()) or 1.0
    codes = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / scale) * 127)
    return codes.astype(np.int8), scale


def unpack(codes: I8, scale: float) -> F32:
    """The weights that `pack` was given, nearly."""
    steps = codes.astype(np.float32) / np.float32(127)
    weights: F32 = np.sign(steps) * steps * steps * np.float32(scale)
    return weights


def dump(
    arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, object], *, packed: bool = True
) -> bytes:
    """The bytes of an artefact; the same content always gives the same bytes.

    What is not packed is a little larger, and read many times faster.
    """
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, compresslevel=9) as archive:
        for name in sorted(arrays):
            array = io.BytesIO()
            np.lib.format.write_array(array, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), array.getvalue(), method)
        text = json.dumps(meta, sort_keys=True, indent=1)
        archive.writestr(zipfile.ZipInfo("meta.json", _EPOCH), text, method)
    return out.getvalue()


def members(source: bytes | Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What was said of an artefact, and its arrays; ValueError where it is none of ours.

    The large arrays of a file that is not packed stay there and are mapped: what is never looked
    up takes no memory, and processes share the rest.
    """
    file = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        with zipfile.ZipFile(file) as archive:
            meta = json.loads(archive.read("meta.json"))
            arrays = {
                one.filename.removesuffix(".npy"): _array(archive, one, source)
                for one in archive.infolist()
                if one.filename.endswith(".npy")
            }
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError("not an artefact of an embedded model") from error
    return meta, arrays


def _array(
    archive: zipfile.ZipFile, one: zipfile.ZipInfo, source: bytes | Path
) -> npt.NDArray[Any]:
    is_mapped = (
        isinstance(source, Path)
        and one.compress_type == zipfile.ZIP_STORED
        and one.file_size >= MAPPED_FROM
    )
    with archive.open(one) as data:
        if not is_mapped:
            read: npt.NDArray[Any] = np.lib.format.read_array(data, allow_pickle=False)
            return read
        np.lib.format.read_magic(data)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(data)
        begin = _content_at(archive, one) + data.tell()
        while data.read(_PIECE):  # to its end, where the checksum is compared
            pass
    if dtype.hasobject or is_fortran:
        raise ValueError(f"{one.filename} cannot be mapped")
    return np.asarray(np.memmap(source, dtype, "r", begin, shape))


def _content_at(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> int:
    """Where in the file the content of a member begins, behind a header of its own."""
    file = archive.fp
    assert file is not None
    before = file.tell()
    file.seek(one.header_offset + _LENGTHS_AT)
    name, extra = _LENGTHS.unpack(file.read(_LENGTHS.size))
    file.seek(before)
    return one.header_offset + _LENGTHS_AT + _LENGTHS.size + int(name) + int(extra)


def parse(source: bytes | Path) -> Artefact:
    """An artefact from its bytes or file; ValueError where it is not one of ours."""
    meta, arrays = members(source)
    if meta["format"] != FORMAT or tuple(meta["sizes"]) != SIZES:
        raise ValueError("this artefact was made for another version of the features")
    if arrays["main"].shape != (2 * TABLE_SIZE,):
        raise ValueError("the table of weights has another size than the features")
    rows = zip(arrays["fine"], arrays["fine_scale"], strict=True)
    return Artefact(
        FullTable(unpack(arrays["main"], float(arrays["main_scale"]))),
        arrays["thresholds"].astype(np.float64),
        float(arrays["slope"]),
        np.stack([unpack(codes, float(scale)) for codes, scale in rows]),
        arrays["fine_bias"].astype(np.float32),
        tuple(meta["labels"]),
        str(meta["revision"]),
        meta,
    )


def shipped(name: str) -> bytes | Path:
    """The file of a shipped model; its bytes where the package lies in an archive."""
    place = files("tyrian.models").joinpath("data", f"{name}.npz")
    if isinstance(place, Path) and place.is_file():
        return place
    try:
        return place.read_bytes()
    except FileNotFoundError as error:
        raise MissingDependencyError(
            f"the embedded model {name!r} is not in this installation",
            hint="install Tyrian again; the file belongs to the package",
        ) from error


def load(name: str) -> Artefact:
    """The embedded model of that name, from the package."""
    return parse(shipped(name))
