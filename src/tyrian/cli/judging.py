"""The pipeline of `tyrian scan`: lines in, results out, in order and a bounded number at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from tyrian.cli.result import Result, failed, judged
from tyrian.cli.rows import Line, Row, RowError, read_row
from tyrian.core.detection import Stage
from tyrian.errors import TyrianError
from tyrian.firewall.firewall import Firewall


class Judge:
    """Judges lines with one firewall."""

    def __init__(self, firewall: Firewall, stage: Stage | None, *, at_once: int) -> None:
        self._firewall = firewall
        self._stage = stage
        self._at_once = at_once

    async def results(self, lines: Iterable[Line]) -> AsyncIterator[Result]:
        """One result for each line, in their order, `at_once` lines under way."""
        under_way: deque[asyncio.Task[Result]] = deque()
        try:
            for line in lines:
                if len(under_way) >= self._at_once:
                    yield await under_way.popleft()
                under_way.append(asyncio.create_task(self.result(line)))
            while under_way:
                yield await under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()

    async def result(self, line: Line) -> Result:
        """The result of one line; whatever goes wrong with it becomes a row with an error."""
        try:
            row = read_row(line, self._stage)
        except RowError as error:
            return failed(line.number, error.row_id, error.message)
        try:
            return await self._judge(line.number, row)
        except TyrianError as error:
            return failed(line.number, row.id, error.message)
        except Exception as error:  # noqa: BLE001  one row's failure is data, not the end
            return failed(line.number, row.id, f"{type(error).__name__} while judging the row")

    async def _judge(self, number: int, row: Row) -> Result:
        made = [
            (one, await self._firewall.scan(one.message, trace=one.trace, stage=one.stage))
            for one in row.subjects
        ]
        if not any(decision.runs for _, decision in made):
            stages = ", ".join(dict.fromkeys(decision.stage.value for _, decision in made))
            return failed(number, row.id, f"the stack has no guard at stage {stages}")
        return judged(number, row.id, made)
