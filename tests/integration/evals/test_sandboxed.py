"""Programs of benchmarks run in a sandbox: what they get, what they never get."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tyrian.errors import InputError
from tyrian.evals.execution import Executed, Execution, ExecutionLimits, ExecutionStatus
from tyrian.evals.sandboxed.execute import Sandboxed, working_driver

DRIVER, WHY = working_driver()
pytestmark = pytest.mark.skipif(not DRIVER, reason=f"no sandbox works here: {WHY}")


async def ran(*argv: str, **more: object) -> Executed:
    return await Sandboxed(DRIVER)(Execution(argv, **more))  # type: ignore[arg-type]


async def test_a_program_gets_its_files_and_gives_its_streams() -> None:
    done = await ran(
        *("/bin/sh", "-c", "cat; cat in/a.txt; echo kept > out.txt; echo err >&2; exit 3"),
        files={"in/a.txt": b"file\n"},
        stdin=b"stdin\n",
        keep=("out.txt", "none.txt"),
    )
    assert (done.status, done.code) == (ExecutionStatus.EXITED, 3)
    assert done.stdout == b"stdin\nfile\n"
    assert done.stderr == b"err\n"
    assert done.files == {"out.txt": b"kept\n"}


async def test_time_output_and_signals_are_told_apart() -> None:
    limits = ExecutionLimits(wall_s=1.0, output=50)
    late, crashed = await asyncio.gather(
        ran("/bin/sh", "-c", "yes", limits=limits), ran("/bin/sh", "-c", "kill -SEGV $$")
    )
    assert late.status is ExecutionStatus.TIMED_OUT
    assert len(late.stdout) == 50
    assert (crashed.status, crashed.code) == (ExecutionStatus.SIGNALLED, 11)


async def test_nothing_outside_is_read_written_or_reached(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("PLANTED")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = (
            f"cat {secret}; echo x > {tmp_path}/new; touch /usr/new; "
            f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo REACHED; env"
        )
        done = await ran("/bin/bash", "-c", script)
    assert b"PLANTED" not in done.stdout
    assert b"REACHED" not in done.stdout
    assert not (tmp_path / "new").exists()
    assert "new" not in os.listdir("/usr")


async def test_links_that_a_program_leaves_are_not_followed() -> None:
    done = await ran("/bin/sh", "-c", "ln -s /etc/passwd out.txt", keep=("out.txt",))
    assert done.status is ExecutionStatus.EXITED
    assert not done.files


@pytest.mark.parametrize("name", ["../x", "/etc/x", ""])
async def test_files_outside_of_the_directory_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        await ran("/bin/true", files={name: b""})


async def test_a_program_that_is_not_there_is_not_run() -> None:
    done = await ran("/usr/bin/nosuch-program")
    assert done.status is ExecutionStatus.REFUSED
    assert "nosuch-program" in done.reason
