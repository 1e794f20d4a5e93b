"""Which weights a prompt guard asks for, whether they are here, and what can run them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tyrian.core.registry import DetectorConfig
from tyrian.detectors.fallback import ONNX, TORCH, Missing, missing_packages, missing_weights
from tyrian.models.hub.catalogue import for_guard
from tyrian.models.hub.shelf import ModelDir, find
from tyrian.models.transformer import onnx_model, torch_model
from tyrian.models.transformer.directory import Directory

TITLES: Mapping[str, str] = MappingProxyType(
    {"prompt_guard_1": "Prompt Guard 1", "prompt_guard_2": "Prompt Guard 2"}
)
"""Guards whose names ask for weights."""


@dataclass(frozen=True, slots=True)
class Runnable:
    """Weights that are here, and the backend that runs them."""

    path: Path
    name: str
    backend: str


def choose(config: DetectorConfig, asked: str) -> Runnable | list[Missing]:
    """The weights and their backend, or what is missing to run them.

    ONNX comes before torch where both could run; a backend that the stack names is the only one.
    Raises ModelError where the weights are here, but damaged.
    """
    found = _weights(config, asked)
    if found is None:
        names = [entry.name for entry in for_guard(asked)]
        title = TITLES.get(asked, "")
        lacking = [missing_weights(config, title, names[0] if names else "")]
        if config.backend:
            lacking += _packages(config.backend)
        return lacking
    backend = config.backend or _preferred(Directory.open(found.path))
    lacking = _packages(backend)
    if backend == ONNX and Directory.open(found.path).onnx is None:
        export = f"tyrian model export {found.name} --int8"
        lacking.append(Missing(f"the ONNX file of {found.name!r}", export))
    return lacking or Runnable(found.path, found.name, backend)


def _weights(config: DetectorConfig, asked: str) -> ModelDir | None:
    if config.model:
        return find(config.model, config.revision)
    for entry in for_guard(asked):
        if found := find(entry.name, config.revision):
            return found
    return None


def _preferred(directory: Directory) -> str:
    if directory.onnx is not None and not _packages(ONNX):
        return ONNX
    return TORCH if directory.safetensors or directory.onnx is None else ONNX


def _packages(backend: str) -> list[Missing]:
    if backend == ONNX:
        return missing_packages("onnx", onnx_model.PACKAGES)
    return missing_packages("hf", torch_model.PACKAGES)
