"""Keeps numpy's linear algebra on the thread that calls.

Matrices of a window's size gain little from threads, and where other work fills the cores, waiting
for them costs a hundred times the product. OpenBLAS, which numpy's wheels carry, has one number of
threads per process: it is lowered while windows are read and put back after.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

_NAMES = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}")


@dataclass(slots=True)
class Threads:
    """How many threads a library uses, and who wants it to use one."""

    get: Callable[[], int]
    put: Callable[[int], object]
    _lock: Lock = field(default_factory=Lock)
    _users: int = 0
    _before: int = 1

    @contextmanager
    def one(self) -> Iterator[None]:
        """One thread, until the last of all who asked for it has left."""
        with self._lock:
            if not self._users:
                self._before = self.get()
                self.put(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self.put(self._before)


@cache
def threads() -> Threads:
    """Those of numpy's OpenBLAS; of nothing where numpy has another library."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".libs", package / ".dylibs"):
        for file in sorted(folder.glob("*openblas*")):
            try:
                library = ctypes.CDLL(str(file))
            except OSError:
                continue
            for name in _NAMES:
                get = getattr(library, name.format("get_num_threads"), None)
                put = getattr(library, name.format("set_num_threads"), None)
                if get is not None and put is not None:
                    return Threads(get, put)
    return Threads(lambda: 1, lambda _: None)
