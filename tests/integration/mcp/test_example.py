"""The example of the documentation: what a hostile server gets through, bare and guarded."""

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


async def test_the_hostile_server_of_the_example_is_tamed() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.mcp.client", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    bare, guarded = out.decode().split("--- behind the proxy")
    for leaked in ("today", "evil.example", "AKIA", "root:x:0"):
        assert leaked in bare
        assert leaked not in guarded
    assert "The release was moved to Thursday." in guarded
    assert guarded.rstrip().endswith("list_notes")
