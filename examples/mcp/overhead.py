"""What the proxy adds to a call: the same calls bare and behind it, in turns."""

import asyncio
import statistics
import time

from examples.mcp.client import GUARDED, SERVER, started
from mcp.client import Client

CALLS = 200


async def main() -> None:
    """Print the median of both, and of the difference."""
    async with Client(started(SERVER)) as bare, Client(started(GUARDED)) as guarded:
        spent: dict[str, list[float]] = {"bare": [], "guarded": []}
        for client in (bare, guarded):
            await client.list_tools()
        for number in range(CALLS):
            arguments = {"path": f"/workspace/{number}.txt"}
            for name, client in (("bare", bare), ("guarded", guarded)):
                begun = time.perf_counter()
                await client.call_tool("read_note", arguments)
                spent[name].append(1000 * (time.perf_counter() - begun))
    for name, times in spent.items():
        print(f"{name:<8} median {statistics.median(times):.1f} ms of {CALLS} calls")
    added = [b - a for a, b in zip(spent["bare"], spent["guarded"], strict=True)]
    print(f"added    median {statistics.median(added):.1f} ms")


if __name__ == "__main__":
    asyncio.run(main())
