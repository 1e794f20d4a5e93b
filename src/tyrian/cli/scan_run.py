"""One run of `tyrian scan`: fed with chunks of bytes, it writes results."""

from collections.abc import Iterable

from tyrian.cli.formats import Tally, Writer
from tyrian.cli.judging import Judge
from tyrian.cli.output import Earlier, Target
from tyrian.cli.rows import Id, Line, LineSplitter, RowError, read_row
from tyrian.errors import InputError


class ScanRun:
    """Splits what it is fed, judges it, writes it, and counts."""

    def __init__(
        self, judge: Judge, form: Writer, target: Target, splitter: LineSplitter, tally: Tally
    ) -> None:
        self._judge = judge
        self._form = form
        self._target = target
        self._splitter = splitter
        self._tally = tally
        self._to_skip = 0
        self._last_id: Id = None

    def resume(self, earlier: Earlier) -> None:
        """Skip the lines that an earlier run has judged."""
        self._to_skip = earlier.rows
        self._last_id = earlier.last_id

    def begin(self) -> None:
        """Write what stands before the first result."""
        self._put(self._form.begin())

    async def feed(self, chunk: bytes) -> None:
        """Judge the lines that end in this chunk; their results are written on return."""
        await self._lines(self._splitter.feed(chunk))

    async def end(self) -> None:
        """Judge what is left, and complete the output."""
        await self._lines(self._splitter.close())
        if self._to_skip:
            raise InputError(
                f"the earlier output has {self._to_skip} more rows than the input",
                hint="resume with the input of the interrupted run",
            )
        self._put(self._form.end())

    async def _lines(self, lines: Iterable[Line]) -> None:
        todo = (line for line in lines if not self._is_done(line))
        async for result in self._judge.results(todo):
            self._tally.add(result)
            self._put(self._form.rows([result]))

    def _is_done(self, line: Line) -> bool:
        if not self._to_skip:
            return False
        self._to_skip -= 1
        if not self._to_skip and self._last_id != _id_of(line):
            raise InputError(
                f"line {line.number} of the input is not what the earlier output judged there",
                hint="resume with the input of the interrupted run",
            )
        return True

    def _put(self, data: bytes) -> None:
        if data:
            self._target.put(data)


def _id_of(line: Line) -> Id:
    try:
        return read_row(line, None).id
    except RowError as error:
        return error.row_id
