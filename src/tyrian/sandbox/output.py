"""Standard output and error of a sandbox that go to files.

gVisor keeps a position of its own in every file that it is given, so that two streams into one file
would overwrite each other. Where a stream is a file, the sandbox is given a pipe instead.
"""

import asyncio
import os
import stat


def output_pipes() -> tuple[int | None, int | None]:
    """What to give as stdout and stderr: None for the stream itself, else what subprocess calls it.

    Streams into one file share a pipe, so that their order stays.
    """
    out, err = os.fstat(1), os.fstat(2)
    is_out, is_err = stat.S_ISREG(out.st_mode), stat.S_ISREG(err.st_mode)
    given = asyncio.subprocess.PIPE if is_out else None
    if is_out and is_err and os.path.samestat(out, err):
        return given, asyncio.subprocess.STDOUT
    return given, asyncio.subprocess.PIPE if is_err else None


async def copied(source: asyncio.StreamReader | None, target: int) -> None:
    """Write all that comes from a pipe to a descriptor."""
    while source and (data := await source.read(1 << 16)):
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
