"""An abstract interpreter of pickles: it follows what a loader would do, and does none of it.

Source: https://docs.python.org/3/library/pickletools.html and Modules/_pickle.c of CPython. The
operands are followed through stack and memo as CPython's C loader does it, so that a name is known
whether it stands in one opcode, comes out of the memo, or is put together. Data is one value,
whatever it is; a scan keeps neither numbers nor tensors.
"""

import sys
from collections.abc import Callable
from typing import Final

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.allow import VOCABULARY
from tyrian.supply.scan.pickles.calls import Probe
from tyrian.supply.scan.pickles.data import COUNTED, Data
from tyrian.supply.scan.pickles.operands import NO_MEMO
from tyrian.supply.scan.pickles.runs import WORTHWHILE, passed
from tyrian.supply.scan.pickles.stream import Broken
from tyrian.supply.scan.pickles.value import PLAIN, Value
from tyrian.supply.scan.source import Source

_MOST_STACK = 4_000_000
"""Values that may wait on the stack; a loader would need a hundred times the memory for them."""

_NEVER = 4 * _MOST_STACK
"""A height that no stack has."""

_LONGEST_PAUSE = 254

_PUSHES: Final = bytearray(256)
"""Length of opcodes that push data of a fixed length, or its kind from 16 on; 0 for others."""
for _code, _size in {
    b"N": 1, b"\x88": 1, b"\x89": 1, b")": 1, b"\x8f": 1,
    b"K": 2, b"M": 3, b"J": 5, b"G": 9,
    b"\x8c": 16, b"U": 16, b"]": 17, b"}": 17, b"e": 18, b"u": 18,
    b"(": 19, b"h": 20,
}.items():  # fmt: skip
    _PUSHES[_code[0]] = _size


class Machine(Data):
    """Follows one pickle after another through a source."""

    pushes: bytearray = _PUSHES
    handlers: "tuple[_Handler | None, ...]" = ()

    def __init__(
        self,
        source: Source,
        report: Collector,
        *,
        start: int = 0,
        probe: Probe | None = None,
        persistent: Callable[[Value], bool] | None = None,
        is_torch_script: bool = False,
    ) -> None:
        super().__init__(
            source, report, start, is_torch_script=is_torch_script, probe=probe,
            persistent=persistent,
        )  # fmt: skip
        self.last: Value = PLAIN
        """What the last pickle would return."""

    def run(self) -> int | None:
        """Follow one pickle; the offset after it, or None where it breaks (a finding says so)."""
        self._reset()
        position = self._fill(0)
        try:
            end = self._follow(position)
        except Broken as fault:
            self._report.add("pickle-malformed", self._at, str(fault))
            return None
        except IndexError:
            self._report.add(
                "pickle-malformed",
                self._at,
                "takes a value from an empty stack; a loader stops here, after all before",
            )
            return None
        start = self._base + end
        self.move_to(start)
        return start

    def _follow(self, position: int) -> int:
        stack, marks, memo = self._stack, self._marks, self._memo
        push, kinds_of, plain = stack.append, self.pushes, PLAIN
        remember, kinds, kept, sparse = memo.append, memo.kinds, memo.kept, memo.sparse
        note, clean = kinds.append, self._untold()
        mark, unmark, pop = marks.append, marks.pop, stack.pop
        handlers = self.handlers
        data, limit = self._buffer, self._limit
        # Containers that are followed one by one until a run of them is looked for again.
        left, pause = (0 if self._source.size >= WORTHWHILE else sys.maxsize), 0
        # From `clean` on the stack holds only data and texts without "__": nothing to guard.
        while True:
            if position >= limit:
                position = self._more(position)
                data, limit = self._buffer, self._limit
            op = data[position]
            if kind := kinds_of[op]:
                if kind < 16:
                    push(plain)
                    position += kind
                elif kind == 16:  # SHORT_BINUNICODE, SHORT_BINSTRING
                    end = position + 2 + data[position + 1]
                    text = data[position + 2 : end]
                    push(text)
                    position = end
                    if end < limit and data[end] == 0x94 and not sparse:  # MEMOIZE follows
                        if (
                            memo.is_full
                            and text[:1] > b"_"
                            and b"." not in text
                            and text not in VOCABULARY
                        ):
                            note(0)
                        else:
                            remember(text)
                        position = end + 1
                    if b"__" in text:
                        clean = len(stack)
                elif kind == 17:  # EMPTY_LIST, EMPTY_DICT
                    if left:
                        left -= 1
                    elif clean != _NEVER and not sparse:
                        position, count = passed(data, position, limit, memo)
                        if count:
                            height, pause = len(stack) + 1, 0
                            stack += [plain] * count
                            if clean > height:
                                clean = height
                            continue
                        left = pause = min(2 * pause + 2, _LONGEST_PAUSE)
                    push(plain)
                    position += 1
                    if position < limit and data[position] == 0x94 and not sparse:
                        note(0)
                        position += 1
                        if position < limit and data[position] == 0x28:
                            mark(len(stack))
                            position += 1
                elif kind == 18:  # APPENDS, SETITEMS
                    at = marks[-1] if marks else 0
                    if at and stack[at - 1] is plain and (
                        at >= clean or self._is_data(stack[at:], op)
                    ):  # fmt: skip
                        del stack[at:]
                        unmark()
                        position += 1
                        if at < clean < _NEVER:
                            clean = at
                    else:
                        self._at = self._base + position
                        position = handlers[op](self, position)  # type: ignore[misc]
                        clean = self._untold()
                elif kind == 19:  # MARK
                    mark(len(stack))
                    position += 1
                else:  # 20, BINGET
                    index = data[position + 1]
                    found = kept.get(index) or memo.get(index)
                    if found is None:
                        self._at = self._base + position
                        raise Broken(NO_MEMO)
                    push(found)
                    if found is not plain and (type(found) is not bytes or b"__" in found):
                        clean = len(stack)
                    position += 2
            elif (
                op == 0x86  # TUPLE2
                and stack[-1] is plain
                and stack[-2] is plain
                and (not marks or marks[-1] + 2 <= len(stack))
            ) or (
                op == 0x61  # APPEND
                and stack[-1] is plain
                and stack[-2] is plain
                and (not marks or marks[-1] + 2 <= len(stack))
            ):
                pop()
                position += 1
                if op == 0x86 and position < limit and data[position] == 0x94 and not sparse:
                    note(0)
                    position += 1
            elif op == 0x94:  # MEMOIZE
                if stack[-1] is plain and not sparse:
                    note(0)
                else:
                    remember(stack[-1])
                position += 1
            elif op == 0x6A:  # LONG_BINGET
                found = memo.get(int.from_bytes(data[position + 1 : position + 5], "little"))
                if found is None:
                    self._at = self._base + position
                    raise Broken(NO_MEMO)
                push(found)
                if found is not plain and (type(found) is not bytes or b"__" in found):
                    clean = len(stack)
                position += 5
            elif op == 0x71:  # BINPUT
                memo.put(data[position + 1], stack[-1])
                position += 2
            elif (
                op == 0x87  # TUPLE3
                and stack[-1] is plain
                and stack[-2] is plain
                and stack[-3] is plain
                and (not marks or marks[-1] + 3 <= len(stack))
            ):
                del stack[-2:]
                position += 1
            elif op == 0x2E:  # STOP
                self._at = self._base + position
                return self._stop(position)
            else:
                self._at = self._base + position
                handler = handlers[op]
                if handler is None:
                    raise Broken(f"0x{op:02x} is no opcode")
                position = handler(self, position)
                data, limit, clean = self._buffer, self._limit, self._untold()

    def _untold(self) -> int:
        """The height from which on the stack will hold only what the loop itself puts there."""
        return _NEVER if self._is_counting else len(self._stack)

    def _more(self, position: int) -> int:
        self._at = self._base + position
        if 0 <= self._frame_end <= self._at:
            if self._frame_end < self._at:
                self._add("pickle-frame-lies", "an opcode reaches across the end of its frame")
            self._frame_end = -1
        if position > self._end and self._buffer:
            raise Broken("breaks off within an opcode")
        if len(self._stack) > _MOST_STACK:
            raise Broken("puts more values on its stack than can be followed")
        if self._at >= self._source.size:
            raise Broken("breaks off before its end; a loader runs all that came before")
        if position < self._whole:
            self._limit = self._within_frame()
            return position
        return self._fill(position)

    def _stop(self, position: int) -> int:
        if self._marks:
            raise Broken("ends within an open mark")
        self.last = self._pop()
        if self._stack:
            self._add("pickle-malformed", "leaves values on its stack, which no writer does")
        if self._frame_end >= 0 and self._base + position + 1 != self._frame_end:
            self._add("pickle-frame-lies", "the last frame does not end where the pickle ends")
        self._guard(self.last)
        return position + 1


_Handler = Callable[[Machine, int], int]
_HANDLERS: list[_Handler | None] = [None] * 256
for _codes, _handler in (
    (b"c", Machine._global),
    (b"\x93", Machine._stack_global),
    (b"\x82\x83\x84", Machine._extension),
    (b"R\x81", Machine._reduce),
    (b"i", Machine._inst),
    (b"o", Machine._obj),
    (b"\x92", Machine._newobj_ex),
    (b"b", Machine._build),
    (b"P", Machine._persistent_line),
    (b"Q", Machine._persistent_value),
    (b"t\x85\x86\x87", Machine._tuple),
    (b"ld\x91", Machine._container),
    (b"a", Machine._append),
    (b"e\x90", Machine._appends),
    (b"s", Machine._setitem),
    (b"u", Machine._setitems),
    (b"0", Machine._pop_one),
    (b"1", Machine._pop_to_mark),
    (b"2", Machine._dup),
    (b"gj", Machine._get),
    (b"pr", Machine._put),
    (b"ILFSV", Machine._text_line),
    (bytes(COUNTED), Machine._counted),
    (b"\x80", Machine._proto),
    (b"\x95", Machine._frame),
    (b"\x97\x98", Machine._buffer_op),
):
    for _op in _codes:
        _HANDLERS[_op] = _handler
Machine.handlers = tuple(_HANDLERS)
