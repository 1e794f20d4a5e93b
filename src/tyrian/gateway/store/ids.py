"""Names of rows: a prefix that tells what it is, and a ULID, so that ids sort by age."""

import os
import threading
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_STEP_BYTES = 8
"""Random bytes by which an id is above the one before it in the same millisecond."""


class _Ulids:
    """Numbers of 48 bits of time and 80 random bits, each above the one before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest = 0

    def next(self) -> int:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._newest >> _RANDOM_BITS:
                part = int.from_bytes(os.urandom(_RANDOM_BITS // 8))
                self._newest = now << _RANDOM_BITS | part
            else:
                self._newest += 1 + int.from_bytes(os.urandom(_STEP_BYTES))
            return self._newest


_ULIDS = _Ulids()


def new_id(prefix: str) -> str:
    """`prefix_` and a ULID; of two that one process makes, the later one sorts last."""
    number = _ULIDS.next()
    return f"{prefix}_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
