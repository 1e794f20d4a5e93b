"""The encoder as arrays: tables and matrices in bytes, the vocabulary as text."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tyrian.models.encoder.glance import Glance
from tyrian.models.encoder.network import I8, Network, Rows
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.windows import F32

Arrays = Mapping[str, npt.NDArray[Any]]
_SCALE = ".scale"
_GLANCE = "glance."
_TABLES = frozenset({"vocabulary", "words", "bags", "shares"})


def _is_matrix(name: str, array: npt.NDArray[Any]) -> bool:
    return array.ndim == 2 and name.endswith(".weight")


def arrays_of(network: Network, glance: Glance) -> dict[str, npt.NDArray[Any]]:
    """What the artefact holds."""
    text = "\n".join(network.vocabulary.numbers).encode()
    arrays: dict[str, npt.NDArray[Any]] = {"vocabulary": np.frombuffer(text, dtype=np.uint8)}
    tables = {"words": network.words, "bags": network.bags, _GLANCE + "words": glance.words}
    for name, table in tables.items():
        arrays[name], arrays[name + _SCALE] = table.codes, table.scales
    seen = {_GLANCE + name: array for name, array in glance.weights.items()}
    for name, array in {**network.weights, **seen}.items():
        if _is_matrix(name, array):
            rows = Rows.of(np.ascontiguousarray(array.T))
            arrays[name], arrays[name + _SCALE] = rows.codes, rows.scales
        else:
            arrays[name] = array.astype(np.float16)
    arrays[_GLANCE + "shares"] = glance.shares[:, 1:].astype(np.float16)
    return arrays


def network_in(arrays: Arrays) -> Network:
    """The network of these arrays; ValueError where they do not fit together."""
    tables = {name: Rows(arrays[name], arrays[name + _SCALE]) for name in ("words", "bags")}
    vocabulary = Vocabulary.of(arrays["vocabulary"].tobytes().decode().split("\n"))
    if len(vocabulary.numbers) != len(tables["words"].codes):
        raise ValueError("the encoder has not one vector per piece of its vocabulary")
    weights = _weights_in(
        {name: array for name, array in arrays.items() if not name.startswith(_GLANCE)}
    )
    depth = len({name.split(".")[1] for name in weights if name.startswith("layers.")})
    return Network(vocabulary, tables["words"], tables["bags"], weights, depth)


def glance_in(arrays: Arrays, vocabulary: Vocabulary) -> Glance:
    """The glance of these arrays; ValueError where it is not for this vocabulary."""
    own = {n.removeprefix(_GLANCE): a for n, a in arrays.items() if n.startswith(_GLANCE)}
    words = Rows(own["words"], own["words" + _SCALE])
    shares = np.pad(own["shares"].astype(np.float32), ((0, 0), (1, 0)), constant_values=1)
    if not len(vocabulary.numbers) == len(words.codes) == len(shares):
        raise ValueError("the glance has not one vector per piece of the vocabulary")
    return Glance(vocabulary, words, shares, _weights_in(own))


def _weights_in(arrays: Arrays) -> dict[str, F32]:
    """What of the arrays is neither a table nor a scale, in single precision."""
    return {
        name: _matrix(array, arrays[name + _SCALE])
        if _is_matrix(name, array)
        else array.astype(np.float32)
        for name, array in arrays.items()
        if name not in _TABLES and not name.endswith(_SCALE)
    }


def _matrix(codes: I8, scales: F32) -> F32:
    """A column per row of the codes, in the order that products want."""
    values: F32 = codes.T.astype(np.float32, order="C")
    values *= scales
    return values
