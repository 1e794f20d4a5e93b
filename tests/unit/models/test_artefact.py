"""Weights on disk: the same from a file and from its bytes, and nothing that was damaged."""

from pathlib import Path

import numpy as np
import pytest

from tyrian.models.artefact import MAPPED_FROM, dump, members

SMALL = np.arange(12, dtype=np.float32).reshape(3, 4)
LARGE = (np.arange(MAPPED_FROM + 5) % 127).astype(np.int8).reshape(-1, 3)


def _file(folder: Path, *, packed: bool) -> Path:
    file = folder / "model.npz"
    file.write_bytes(dump({"large": LARGE, "small": SMALL}, {"kind": "test"}, packed=packed))
    return file


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_holds_what_its_bytes_hold(tmp_path: Path, *, packed: bool) -> None:
    file = _file(tmp_path, packed=packed)
    for source in (file, file.read_bytes()):
        meta, arrays = members(source)
        assert meta == {"kind": "test"}
        np.testing.assert_array_equal(arrays["small"], SMALL)
        np.testing.assert_array_equal(arrays["large"], LARGE)


def test_large_arrays_of_a_file_that_is_not_packed_stay_there(tmp_path: Path) -> None:
    _, arrays = members(_file(tmp_path, packed=False))
    assert not arrays["large"].flags.owndata
    assert not arrays["large"].flags.writeable


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_file_is_refused(tmp_path: Path, place: float) -> None:
    file = _file(tmp_path, packed=False)
    data = bytearray(file.read_bytes())
    data[int(len(data) * place)] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="not an artefact"):
        members(file)
