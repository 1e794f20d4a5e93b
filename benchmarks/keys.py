"""What telling whose key it is costs, beside what a slow password hash would cost.

Run it as `python benchmarks/keys.py`. `known` is a key that was seen within the last second, `new`
one that is looked up in SQLite, `mistyped` one whose checksum is wrong. scrypt with the parameters
that its authors recommend for sign-in stands for the peers that hash keys like passwords.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles

from _table import Cell, table
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store

ROUNDS = 20_000


async def _times(act: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Microseconds of each call."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        await act()
        found.append((time.perf_counter_ns() - started) / 1000)
    return found


async def run() -> str:
    """Measure, and give the table."""
    with tempfile.TemporaryDirectory() as place:
        store = Store.open(Path(place) / "tyrian.db")
        keys = Keys(store)
        _, token = await keys.create("key")
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B")

        async def new() -> None:
            keys.ring.forget()
            await keys.verify(token)

        async def scrypt() -> None:
            hashlib.scrypt(token.encode(), salt=os.urandom(16), n=2**14, r=8, p=1)

        await keys.verify(token)
        rows = {
            "known": await _times(lambda: keys.verify(token), ROUNDS),
            "mistyped": await _times(lambda: keys.verify(wrong), ROUNDS),
            "new": await _times(new, 500),
            "scrypt": await _times(scrypt, 20),
        }
        await keys.close()
        await store.close()
    cells: list[list[Cell]] = [
        [name, median(t), quantiles(t, n=100)[98]] for name, t in rows.items()
    ]
    return table("Checking a key", ["check", "p50 us", "p99 us"], cells)


if __name__ == "__main__":
    print(asyncio.run(run()))
