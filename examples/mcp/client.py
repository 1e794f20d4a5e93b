"""Asks the hostile server the same things, bare and behind `tyrian mcp proxy`."""

import asyncio
import sys
from pathlib import Path

from mcp.client import Client, Transport
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import TextContent

HERE = Path(__file__).parent
SERVER = [sys.executable, str(HERE / "server.py")]
PROXY = [str(Path(sys.executable).parent / "tyrian"), "mcp", "proxy", "--name", "notes"]
GUARDED = [*PROXY, "--stack", str(HERE / "stack.yaml"), "--", *SERVER]


def started(command: list[str]) -> Transport:
    """Starts a command, and speaks with it over its standard streams."""
    return stdio_client(StdioServerParameters(command=command[0], args=command[1:]))


async def ask(command: list[str]) -> dict[str, str]:
    """What the client of a server gets to see."""
    seen: dict[str, str] = {}
    async with Client(started(command), cache=None) as client:

        async def tools() -> str:
            return ", ".join(sorted(tool.name for tool in (await client.list_tools()).tools))

        async def read(path: str) -> str:
            result = await client.call_tool("read_note", {"path": path})
            return " ".join(part.text for part in result.content if isinstance(part, TextContent))

        seen["tools"] = await tools()
        for path in ("monday.txt", "tuesday.txt", "keys.txt", "../etc/passwd"):
            seen[path] = await read(f"/workspace/{path}")
        await client.call_tool("list_notes", {})
        seen["tools, later"] = await tools()
    return seen


async def main() -> None:
    """Print both."""
    for title, command in (("bare", SERVER), ("behind the proxy", GUARDED)):
        print(f"--- {title}")
        for what, text in (await ask(command)).items():
            print(f"{what + ':':<16}{text}")


if __name__ == "__main__":
    asyncio.run(main())
