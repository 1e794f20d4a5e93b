"""Tyrian's gateway without any guard, which no stack file can ask for: what the rest of it costs.

Everything else is as `tyrian serve` has it: keys in the database, hardened protocol, metrics.
"""

import argparse
import asyncio
import os
from pathlib import Path

from tyrian.gateway.app import create_app
from tyrian.gateway.keys import Keys
from tyrian.gateway.server import run
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.engine import Store
from tyrian.gateway.upstream import HttpUpstream


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    home = Path(os.environ["TYRIAN_HOME"])
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / "tyrian.db"
    _, token = asyncio.run(_create_key(path))
    print(token, flush=True)
    upstream = HttpUpstream(given.upstream, name="stub")
    settings = Settings(firewall=None, upstreams=[upstream], keys=Keys(Store.open(path)))
    run(create_app(settings), "127.0.0.1", given.port)


async def _create_key(path: Path) -> tuple[object, str]:
    store = Store.open(path)
    try:
        return await Keys(store).create("benchmark")
    finally:
        await store.close()


if __name__ == "__main__":
    _main()
