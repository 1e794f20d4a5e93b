"""Fingerprints: which runs of letters two texts share, from a few numbers for each of them.

Every run of `RUN` letters has a number, and of each `WINDOW` neighbours the smallest one is kept
(winnowing: Schleimer, Wilkerson, Aiken, 2003). Two texts that share `RUN + WINDOW - 1` letters or
more therefore share a kept number, wherever the letters stand.
"""

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.uint64]

RUN = 16
WINDOW = 5

_HALF = RUN // 2
_ONE = np.uint64(0x9E3779B97F4A7C15)
_TWO = np.uint64(0xC2B2AE3D27D4EB4F)
NOTHING: Prints = np.empty(0, dtype=np.uint64)


def all_runs(said: bytes) -> Prints:
    """The number of each run, by its place; none for fewer than `RUN` letters."""
    if len(said) < RUN:
        return NOTHING
    # Eight letters from each place on are a number as they stand in memory.
    eight = np.ndarray((len(said) - _HALF + 1,), np.uint64, said, 0, (1,)).copy()
    mixed: Prints = eight[:-_HALF] * _ONE
    mixed += eight[_HALF:]
    mixed *= _TWO
    return mixed


def kept(said: bytes) -> Prints:
    """The numbers that stand for a text, sorted, each once."""
    runs = all_runs(said)
    if len(runs) >= WINDOW:
        two = np.minimum(runs[:-1], runs[1:])
        four = np.minimum(two[:-2], two[2:])
        least = np.minimum(four[:-1], runs[4:])
        is_new = np.empty(len(least), dtype=np.bool_)
        is_new[0] = True
        np.not_equal(least[1:], least[:-1], out=is_new[1:])
        runs = least[is_new]
    return np.unique(runs)


def of_words(found: set[str]) -> Prints:
    """Numbers of words; the same within one process only."""
    return np.array([hash(word) for word in found], dtype=np.int64).view(np.uint64)
