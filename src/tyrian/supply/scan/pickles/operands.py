"""What waits on the stack of a pickle, its marks, and what it has put aside."""

from typing import Final

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.memo import Memo
from tyrian.supply.scan.pickles.stream import Broken, Stream
from tyrian.supply.scan.pickles.value import Ref, Value
from tyrian.supply.scan.source import Source

NO_MEMO: Final = "asks its memo for what was never put there; a loader stops here, after all before"
_DATA = "is handed on, so that what it loads is not known"


class Operands(Stream):
    """Stack and memo, as CPython's C loader has them."""

    def __init__(self, source: Source, report: Collector, start: int) -> None:
        super().__init__(source, report, start)
        self._reset()

    def _reset(self) -> None:
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo = Memo()
        self._protocol = 0
        self._frame_end = -1

    def _pop(self) -> Value:
        if self._marks and self._marks[-1] >= len(self._stack):
            raise Broken("takes a mark for a value; a loader stops here, after all before")
        return self._stack.pop()

    def _pop_mark(self) -> list[Value]:
        if not self._marks:
            raise Broken("has no mark where one is needed; a loader stops here, after all before")
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _guard(self, *values: Value) -> None:
        for value in values:
            if type(value) is Ref and value.is_guarded:
                self._add("pickle-dangerous-global", words_of(value, _DATA))

    def _pop_one(self, position: int) -> int:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop()
        return position + 1

    def _pop_to_mark(self, position: int) -> int:
        self._pop_mark()
        return position + 1

    def _dup(self, position: int) -> int:
        self._stack.append(self._stack[-1])
        return position + 1

    def _get(self, position: int) -> int:
        index, position = self._index(position)
        found = self._memo.get(index)
        if found is None:
            raise Broken(NO_MEMO)
        self._stack.append(found)
        return position

    def _put(self, position: int) -> int:
        index, position = self._index(position)
        if not self._memo.put(index, self._stack[-1]):
            raise Broken("scatters its memo more widely than can be followed")
        return position

    def _index(self, position: int) -> tuple[int, int]:
        if self._buffer[position] in b"jr":
            return int.from_bytes(self._buffer[position + 1 : position + 5], "little"), position + 5
        line, position = self._line(position + 1)
        try:
            index = int(line)
        except ValueError:
            raise Broken("has a place in the memo that is no number") from None
        if index < 0:
            raise Broken("has a place in the memo below zero")
        return index, position


def words_of(ref: Ref, told: str) -> str:
    """A name and what is to be said of it."""
    name = f"{ref.module}.{ref.name}" if ref.module else "what it names"
    return f"{name[:200]}: {told}"
