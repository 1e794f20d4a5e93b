"""Which models the guards read, as parts of a BOM: shipped, trained here, or pulled."""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tyrian.core.detection import DetectorInfo
from tyrian.errors import ConfigError, ModelError
from tyrian.models.hub.lock import LOCK_NAME
from tyrian.models.hub.lock import read_lock as read_pulled
from tyrian.models.hub.shelf import find
from tyrian.supply.aibom.models import model_of_directory, tree_digest_of
from tyrian.supply.aibom.parts import Ancestor, Architecture, Card, FilePart, ModelPart
from tyrian.supply.lock.digest import digest_file

_PROMPT, _CONTENT, _ENCODER, _HEADS = "prompt-guard", "content-guard", "encoder", "content-heads"
_SHIPPED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "prompt-guard-embedded": (_PROMPT, _ENCODER, _CONTENT),
        "content-guard-embedded": (_CONTENT, _HEADS, _ENCODER, _PROMPT),
    }
)
"""Files of the package that an embedded guard reads, its own first."""
_FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        _PROMPT: "linear model over hashed n-grams",
        _CONTENT: "linear model over hashed n-grams",
        _ENCODER: "transformer encoder",
        _HEADS: "one hidden layer over the encoder",
    }
)
_BACKBONE = re.compile(r"([\w.-]+) \([\w.-]+\), safetensors sha256 ([0-9a-f]{64})")
_LICENCE = "Apache-2.0"


def weights_of(info: DetectorInfo, model: str) -> Sequence[ModelPart]:
    """The models of a detector; `model` is what the stack names. None for rules and servers."""
    if info.backend == "embedded":
        named = "prompt-guard-embedded" if info.kind == "alignment" else info.model
        own = Path(model) if model and Path(model).is_dir() else None
        return tuple(_embedded(_SHIPPED.get(named, ()), own))
    if info.backend in ("torch", "onnx"):
        return tuple(_pulled(model or info.model))
    return ()


def _embedded(names: Sequence[str], own: Path | None) -> Iterator[ModelPart]:
    """Those of the package; the first is the user's where the stack names a directory."""
    for at, name in enumerate(names):
        place = own / f"{name}.npz" if own else None
        if at == 0 and place is not None and place.is_file():
            yield _artefact(place, name, is_own=True)
        else:
            yield _artefact(Path(str(files("tyrian.models") / "data" / f"{name}.npz")), name)


@cache
def _artefact(place: Path, name: str, *, is_own: bool = False) -> ModelPart:
    """One file of weights, with what it says of itself; it is not loaded."""
    with zipfile.ZipFile(place) as archive:
        meta = json.loads(archive.read("meta.json"))
    found = digest_file(str(place))
    file = FilePart(path=place.name, sha256=found.sha256, size=found.size)
    told = {
        "revision": str(meta.get("revision", "")),
        "training-digest": str(meta.get("training_digest", "")),
        "rows": str(meta.get("rows", "")),
        "shipped-with": "" if is_own else "tyrian",
    }
    backbone = _BACKBONE.match(str(meta.get("backbone", "")))
    ancestors = (Ancestor(name=backbone[1], digest=f"sha256:{backbone[2]}"),) if backbone else ()
    labels = meta.get("labels") or meta.get("outputs") or ()
    facts = {"labels": ", ".join(map(str, labels))}
    return ModelPart(
        name=f"own/{name}" if is_own else f"tyrian/{name}",
        licence="" if is_own else _LICENCE,
        digest=tree_digest_of([file]),
        files=(file,),
        card=Card(task="text-classification"),
        architecture=Architecture(family=_FAMILIES.get(name, ""), facts=facts),
        ancestors=ancestors,
        notes=MappingProxyType({key: value for key, value in told.items() if value}),
    )


def _pulled(name: str) -> Iterator[ModelPart]:
    """A model on the shelf, by the digests of its pull; a directory of one's own is read whole."""
    try:
        directory = find(name)
        lock = read_pulled(directory.path) if directory else None
    except (ModelError, ConfigError):  # what is damaged is for `tyrian doctor` to tell of
        return
    if directory is None:
        return
    if lock is None:
        yield model_of_directory(directory.path, left_out=frozenset({LOCK_NAME}))
        return
    yield ModelPart(
        name=lock.repository or lock.name,
        repository=lock.repository,
        commit=lock.revision,
        licence=lock.licence,
        digest=lock.digest,
        files=tuple(
            FilePart(path=one.path, sha256=one.sha256, size=one.size) for one in lock.files
        ),
    )
