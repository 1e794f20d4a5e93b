"""The encoder as arrays: tables and matrices in bytes, the vocabulary as text."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.models.encoder.network import I8, Network, Rows
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.windows import F32

Arrays = Mapping[str, npt.NDArray[Any]]
_SCALE = ".scale"


def _is_matrix(name: str, array: npt.NDArray[Any]) -> bool:
    return array.ndim == 2 and name.endswith(".weight")


def arrays_of(network: Network) -> dict[str, npt.NDArray[Any]]:
    """What the artefact holds."""
    text = "\n".join(network.vocabulary.numbers).encode()
    arrays: dict[str, npt.NDArray[Any]] = {"vocabulary": np.frombuffer(text, dtype=np.uint8)}
    for name, table in (("words", network.words), ("bags", network.bags)):
        arrays[name], arrays[name + _SCALE] = table.codes, table.scales
    for name, array in network.weights.items():
        if _is_matrix(name, array):
            rows = Rows.of(np.ascontiguousarray(array.T))
            arrays[name], arrays[name + _SCALE] = rows.codes, rows.scales
        else:
            arrays[name] = array.astype(np.float16)
    return arrays


def network_in(arrays: Arrays) -> Network:
    """The network of these arrays; ValueError where they do not fit together."""
    tables = {name: Rows(arrays[name], arrays[name + _SCALE]) for name in ("words", "bags")}
    vocabulary = Vocabulary.of(arrays["vocabulary"].tobytes().decode().split("\n"))
    if len(vocabulary.numbers) != len(tables["words"].codes):
        raise ValueError("the encoder has not one vector per piece of its vocabulary")
    weights = {
        name: _matrix(array, arrays[name + _SCALE])
        if _is_matrix(name, array)
        else array.astype(np.float32)
        for name, array in arrays.items()
        if name not in ("vocabulary", *tables) and not name.endswith(_SCALE)
    }
    depth = len({name.split(".")[1] for name in weights if name.startswith("layers.")})
    return Network(vocabulary, tables["words"], tables["bags"], weights, depth)


def _matrix(codes: I8, scales: F32) -> F32:
    """A column per row of the codes, in the order that products want."""
    values: F32 = codes.T.astype(np.float32, order="C")
    values *= scales
    return values
