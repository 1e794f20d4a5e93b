"""A model directory as the hub lays it out: configuration, tokenizer, weights, ONNX files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyrian.errors import ModelError

MAX_CONFIG_BYTES = 4 << 20
_SAMPLES = 64
_SAMPLE_BYTES = 1 << 16
_ONNX_NAMES = ("model_int8.onnx", "model.onnx", "model_quantized.onnx")
"""ONNX files in the order of preference, in `onnx/` or beside the configuration: one in 8 bits that
passed our gate, one in full, and one in 8 bits that somebody else made and nobody compared."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where a classifier's files are, and what its `config.json` says. No weights are read."""

    path: Path
    config: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Directory":
        """Look into a directory; ModelError where it does not hold a classifier."""
        return cls(path, _read_json(path / "config.json"))

    @property
    def architecture(self) -> str:
        """`model_type` of the configuration, such as `deberta-v2`."""
        return str(self.config.get("model_type", ""))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits, as `id2label` spells them."""
        named = self.config.get("id2label")
        if named is None:
            return ("LABEL_0", "LABEL_1")  # what transformers takes where nothing is said
        try:
            ids = sorted((int(key), str(name)) for key, name in named.items())
        except (AttributeError, TypeError, ValueError):
            raise ModelError(f"id2label in {self._file} is not a table of names") from None
        if [number for number, _ in ids] != list(range(len(ids))) or len(ids) < 2:
            raise ModelError(f"id2label in {self._file} does not name classes 0, 1, ...")
        return tuple(name for _, name in ids)

    @property
    def max_tokens(self) -> int:
        """Most tokens of one window, special ones among them."""
        most = self.config.get("max_position_embeddings", 512)
        return most if isinstance(most, int) and most > 0 else 512

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's file; ModelError where there is none."""
        file = self.path / "tokenizer.json"
        if not file.is_file():
            hint = "save the tokenizer in the `tokenizers` format, or pull the model again"
            raise ModelError(f"no tokenizer.json in {self.path.name}", hint=hint)
        return file

    @property
    def safetensors(self) -> tuple[Path, ...]:
        """The weights, one file or its shards; empty where there are none."""
        whole = self.path / "model.safetensors"
        if whole.is_file():
            return (whole,)
        return tuple(sorted(self.path.glob("model-*-of-*.safetensors")))

    @property
    def onnx(self) -> Path | None:
        """The ONNX file to prefer."""
        for folder in (self.path / "onnx", self.path):
            for name in _ONNX_NAMES:
                if (folder / name).is_file():
                    return folder / name
        return None

    def weights(self) -> tuple[Path, ...]:
        """The weights; ModelError, with a hint, where they are missing or only pickled."""
        if files := self.safetensors:
            return files
        if any(self.path.glob("*.bin")) or any(self.path.glob("*.pt")):
            hint = "pickled weights can run code when they are read; convert them to safetensors"
            raise ModelError(f"{self.path.name} holds pickled weights only", hint=hint)
        raise ModelError(f"no model.safetensors in {self.path.name}", hint="pull the model again")

    @property
    def _file(self) -> str:
        return f"{self.path.name}/config.json"


def identity(*files: Path) -> str:
    """A short identity of large files, from samples of their bytes; no check of integrity.

    It tells revisions apart in decisions and caches. Whether weights are the right ones is what
    their lock file says, by a digest over every byte.
    """
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name}:{size};".encode())
        step = max(_SAMPLE_BYTES, size // _SAMPLES)
        with file.open("rb") as stream:
            for at in (*range(0, size, step), max(0, size - _SAMPLE_BYTES)):
                stream.seek(at)
                digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def _read_json(file: Path) -> Mapping[str, Any]:
    place = f"{file.parent.name}/{file.name}"
    try:
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise ModelError(f"{place} is too large for a configuration")
        found = json.loads(file.read_text("utf-8"))
    except OSError:
        hint = "name a directory as the hub lays it out, or pull the model again"
        raise ModelError(f"cannot read {place}", hint=hint) from None
    except ValueError:
        raise ModelError(f"{place} is not JSON", hint="pull the model again") from None
    if not isinstance(found, dict):
        raise ModelError(f"{place} is not a JSON object", hint="pull the model again")
    return found
