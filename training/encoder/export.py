"""From the trained encoder to what the package reads."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from training.encoder.network import Encoder
from tyrian.models.encoder.network import Network, Rows
from tyrian.models.features import U64
from tyrian.models.windows import F32


def _array(values: Tensor) -> F32:
    return values.detach().cpu().numpy().astype(np.float32)


def network_of(encoder: Encoder, hashes: U64) -> Network:
    """The same encoder in numpy, its tables in bytes and its weights in half precision."""
    weights: dict[str, F32] = {}
    for name, values in encoder.state_dict().items():
        if name in ("vectors", "bags.weight"):
            continue
        array = _array(values)
        if array.ndim == 3:
            array = array.transpose(2, 1, 0).reshape(-1, array.shape[0])
        elif array.ndim == 2:
            array = array.T
        weights[name] = np.ascontiguousarray(array.astype(np.float16).astype(np.float32))
    bags = Rows.of(_array(encoder.bags.weight))
    return Network(bags, hashes, Rows.of(_array(encoder.vectors)[1:]), weights)


def arrays_of(network: Network) -> dict[str, npt.NDArray[np.generic]]:
    """What the artefact holds."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        name: array.astype(np.float16) for name, array in network.weights.items()
    }
    return {
        **arrays,
        "bags": network.bags.codes,
        "bags_scale": network.bags.scales,
        "hashes": network.hashes,
        "vectors": network.vectors.codes,
        "vectors_scale": network.vectors.scales,
    }
