"""Which weights an ONNX file was made from, written into it and compared when it is loaded."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from tyrian.errors import ModelError
from tyrian.models.hub.safetensors import is_safetensors
from tyrian.models.transformer.directory import Directory

WEIGHTS_KEY = "tyrian.weights"
"""Metadata of an export: `digest_of_weights` of what it was made from."""
_WHOLE_BYTES = 1 << 16
_PIECES = 16
_PIECE_BYTES = 1 << 12


def digest_of_weights(files: Sequence[Path]) -> str:
    """A digest over parts of every tensor of safetensors files, hexadecimal, in milliseconds.

    It covers the headers (names, types and shapes of all tensors), tensors up to 64 KiB whole, and
    16 evenly spaced pieces of 4 KiB of larger ones. Training moves every number of a layer that it
    touches, so that weights which were tuned in any layer, or in the head alone, have another
    digest. A few numbers changed on purpose may not: whether weights are the right ones is what
    `tyrian model verify` tells, which reads every byte. ModelError where a file has not the form
    of safetensors.
    """
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            header = _header(file, stream)
            digest.update(len(header).to_bytes(8, "little") + header)
            first = 8 + len(header)
            for start, end in _extents(file, header):
                for at, size in _pieces(start, end):
                    stream.seek(first + at)
                    digest.update(stream.read(size))
    return digest.hexdigest()


def check_origin(directory: Directory, file: Path, metadata: Mapping[str, str]) -> None:
    """ModelError where our export `file` was made from other weights than lie in the directory.

    An export that does not say what it was made from counts as such. Files from elsewhere, which
    say nothing at all, and directories that hold no safetensors, leave nothing to compare.
    """
    is_ours = any(key.startswith("tyrian.") for key in metadata)
    if not is_ours or not (weights := directory.safetensors):
        return
    if metadata.get(WEIGHTS_KEY) != digest_of_weights(weights):
        raise ModelError(
            f"{file.name} in {directory.path.name} was made from other weights than lie there",
            hint=f"export again: tyrian model export {directory.path} --int8; or remove the file",
        )


def _header(file: Path, stream: BinaryIO) -> bytes:
    if not is_safetensors(file):
        raise _damaged(file)
    return stream.read(int.from_bytes(stream.read(8), "little"))


def _extents(file: Path, header: bytes) -> Iterator[tuple[int, int]]:
    """First byte and end of each tensor after the header, in the order of their names."""
    room = file.stat().st_size - 8 - len(header)
    try:
        tensors = json.loads(header)
        names = sorted(tensors.keys() - {"__metadata__"})
        extents = [tuple(map(int, tensors[name]["data_offsets"])) for name in names]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise _damaged(file) from None
    for extent in extents:
        if len(extent) != 2 or not 0 <= extent[0] <= extent[1] <= room:
            raise _damaged(file)
        yield extent


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Place and size of what is read of one tensor."""
    if end - start <= _WHOLE_BYTES:
        yield start, end - start
        return
    step = (end - start - _PIECE_BYTES) // (_PIECES - 1)
    for number in range(_PIECES):
        yield start + number * step, _PIECE_BYTES


def _damaged(file: Path) -> ModelError:
    return ModelError(f"{file.name} has not the form of safetensors", hint="pull the model again")
