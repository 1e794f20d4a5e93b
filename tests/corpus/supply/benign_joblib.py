"""Files as joblib and pandas themselves write them."""

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.corpus.supply.benign import Entry, saved

joblib: Any = pytest.importorskip("joblib")


def joblib_entries() -> Iterator[Entry]:
    """Every file, its content made now."""
    same = np.arange(3.0)
    value = {
        "a": same, "again": same, "b": np.ones((2, 3), order="F"), "e": np.zeros((0, 3)),
        "o": np.array([{}, None, "x"], dtype=object), "s": np.array(["a", "bcd"]),
        "n": np.float64(0.5), "d": np.array(["2020"], dtype="M8[D]"), "p": {"k": [1, 2]},
        "r": np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
    }  # fmt: skip
    for packing in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("zlib", 9)):
        for version in (2, 4, 5):
            yield (
                f"joblib: {packing}, protocol {version}",
                "a.joblib",
                saved(
                    lambda to, packing=packing, version=version: joblib.dump(  # type: ignore[misc]
                        value, to, compress=packing, protocol=version
                    )
                ),
            )


def pandas_entries() -> Iterator[Entry]:
    """A frame in several protocols."""
    pd: Any = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.to_datetime(["2020", "2021"])})
    for version in (2, 4, 5):
        yield f"pandas: a frame, protocol {version}", "f.pkl", pickle.dumps(frame, version)
