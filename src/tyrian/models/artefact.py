"""Weights of an embedded model on disk: one small npz file, read once and checked."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.errors import MissingDependencyError
from tyrian.models.features import F64, TABLE_SIZE, U32
from tyrian.models.windows import F32, SIZES

I8 = npt.NDArray[np.int8]
FORMAT = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
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
    thresholds: F64
    """Per window size, the raw score that means a probability of one half."""
    slope: float
    fine: F32
    """One row per finer label, over folded buckets."""
    fine_bias: F32
    labels: tuple[str, ...]
    revision: str
    meta: Mapping[str, object]


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


def members(data: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What was said of an artefact, and its arrays; ValueError where it is none of ours."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            meta = json.loads(archive.read("meta.json"))
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError("not an artefact of an embedded model") from error
    return meta, arrays


def parse(data: bytes) -> Artefact:
    """An artefact from its bytes; ValueError where it is not one of ours."""
    meta, arrays = members(data)
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


def load(name: str) -> Artefact:
    """The embedded model of that name, from the package."""
    place = files("tyrian.models").joinpath("data", f"{name}.npz")
    try:
        return parse(place.read_bytes())
    except FileNotFoundError as error:
        raise MissingDependencyError(
            f"the embedded model {name!r} is not in this installation",
            hint="install Tyrian again; the file belongs to the package",
        ) from error
