"""A key store whose disk is full."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store


def test_a_full_disk_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = str(Path(sys.executable).parent / "tyrian")
    create = [program, "keys", "create", "key", "--data", str(home)]
    first = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    with closing(sqlite3.connect(home / "tyrian.db")) as database:
        database.execute("VACUUM")  # what migrations left free would be room for many keys
    size = (home / "tyrian.db").stat().st_size

    def no_more_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    failed = None
    for _ in range(30):
        done = subprocess.run(create, capture_output=True, text=True, preexec_fn=no_more_room)
        if done.returncode:
            failed = done
            break
    assert failed is not None, "the disk never became full"
    assert "hint" in failed.stderr
    assert "Traceback" not in failed.stderr
    place_now = subprocess.run(
        [program, "audit", "verify", "--data", str(home)], capture_output=True, text=True
    )
    assert place_now.returncode == 0, place_now.stdout

    async def is_good() -> bool:
        store = Store.open(home / "tyrian.db")
        try:
            return await Keys(store).verify(first) is not None
        finally:
            await store.close()

    assert asyncio.run(is_good())
    assert os.path.getsize(home / "tyrian.db") >= size
