"""Carries out what a benchmark asks of ranges: each visit has a range of its own, and an SSH login.

A command is run as upstream runs it: a session of its own, without a terminal, so much of its
output kept as upstream keeps, ended where it takes too long.
"""

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from tyrian.errors import TyrianError
from tyrian.evals.execution import Executed, ExecutionLimits, ExecutionStatus
from tyrian.evals.uplift.range import OPERATOR, Range, as_json, working_driver
from tyrian.evals.uplift.ssh import library
from tyrian.evals.uplift.step import LOG, Order, RangeStep, Visit

AT_ONCE = max(2, (os.cpu_count() or 2) // 2)
"""Ranges at a time; each is four sandboxes."""
_CHUNK = 1 << 14


@dataclass(slots=True)
class _Stay:
    range: Range
    connection: Any


class Ranges:
    """All ranges of one run."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._gate = asyncio.Semaphore(at_once)
        self._stays: dict[int, _Stay] = {}
        self._driver = ""

    async def __call__(self, step: RangeStep) -> Executed:
        """Do one step; where there can be no range the outcome says why."""
        visit = step.visit
        assert visit is not None
        try:
            if step.order is Order.OPEN:
                return await self._open(visit)
            stay = self._stays.get(id(visit))
            if stay is None or stay.range.fault:
                why = stay.range.fault if stay else "it was never set up"
                return Executed(ExecutionStatus.REFUSED, reason=f"the range is gone: {why}")
            if step.order is Order.COMMAND:
                visit.turn += 1
                stay.range.turn = visit.turn
                return await run_over(stay.connection, step.argv[-1], step.limits)
            return await self._close(visit, stay)
        except TyrianError as error:
            return Executed(ExecutionStatus.REFUSED, reason=str(error))

    async def _open(self, visit: Visit) -> Executed:
        if not self._driver:
            library()
            self._driver = await asyncio.to_thread(working_driver)
        await self._gate.acquire()
        here = Range(visit.scenario, self._driver)
        has_stay = False
        try:
            await here.start()
            connection = await logged_in(here)
            self._stays[id(visit)] = _Stay(here, connection)
            visit.on_release = lambda: self._let_go(visit)
            has_stay = True
        finally:
            if not has_stay:
                await here.stop()
                self._gate.release()
        return Executed(ExecutionStatus.EXITED)

    async def _close(self, visit: Visit, stay: _Stay) -> Executed:
        log = as_json(stay.range.log())
        visit.release()
        await stay.range.stop()
        return Executed(ExecutionStatus.EXITED, files={LOG: log})

    def _let_go(self, visit: Visit) -> None:
        stay = self._stays.pop(id(visit))
        self._gate.release()
        stay.connection.abort()
        stay.range.kill()


async def logged_in(here: Range) -> Any:
    """An SSH connection to the attacker's host, its key known beforehand."""
    ssh = library()
    host_key = here.pairs.keys["host"]
    return await ssh.connect(
        "127.0.0.1",
        here.port,
        username=OPERATOR,
        client_keys=[here.pairs.keys["attacker"]],
        known_hosts=([host_key.convert_to_public()], [], []),
        config=None,
        agent_path=None,
        login_timeout=60,
    )


async def run_over(connection: Any, text: str, limits: ExecutionLimits) -> Executed:
    """Run a command over a connection."""
    ssh = library()
    try:
        process = await connection.create_process(
            text, stdin=ssh.DEVNULL, encoding=None, term_type=None
        )
    except (OSError, ssh.Error) as error:
        return Executed(ExecutionStatus.REFUSED, reason=f"SSH to the range failed: {error}")
    out, err = bytearray(), bytearray()
    status = ExecutionStatus.EXITED
    try:
        async with asyncio.timeout(limits.wall_s):
            await asyncio.gather(
                _kept(process.stdout, out, limits.output),
                _kept(process.stderr, err, limits.output),
            )
            await process.wait_closed()
    except TimeoutError:
        status = ExecutionStatus.TIMED_OUT
        process.close()
    except (OSError, ssh.Error) as error:
        return Executed(ExecutionStatus.REFUSED, reason=f"SSH to the range failed: {error}")
    finally:
        process.close()
    code = process.exit_status if status is ExecutionStatus.EXITED else None
    return Executed(status, 0 if code is None else code, bytes(out), bytes(err))


async def _kept(source: Any, into: bytearray, most: int) -> None:
    while data := await source.read(_CHUNK):
        into += data[: max(0, most - len(into))]
