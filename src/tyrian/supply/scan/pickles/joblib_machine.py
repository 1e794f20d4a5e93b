"""Pickles as joblib writes them: the bytes of an array stand right behind its wrapper's state.

Source: joblib/numpy_pickle.py, `NumpyArrayWrapper`. Where the wrapper's state has been set, an
optional byte of padding, the padding, and the array's bytes follow, or a pickle of their own where
the array holds objects; then the outer pickle goes on.
"""

import math
from typing import Any

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.calls import Probe
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.pickles.stream import Broken
from tyrian.supply.scan.pickles.value import (
    MADE,
    PLAIN,
    ArrayState,
    DType,
    Made,
    Ref,
    Value,
)
from tyrian.supply.scan.source import Source

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE = ("numpy", "dtype")
"""From these on numbers may tell how long an array is."""
_WRAPPED = Made()
_ALIGNED = b"numpy_array_alignment_bytes"


class JoblibMachine(Machine):
    """A machine that steps over arrays; it looks at numbers only once they may matter."""

    def __init__(self, source: Source, report: Collector, *, probe: Probe | None = None) -> None:
        super().__init__(source, report, probe=probe)
        self.arrays = 0
        """Arrays that were stepped over."""
        self.pushes = bytearray(Machine.pushes)
        self.handlers = tuple(_HANDLERS)
        self._state_at = -1

    def _judged(self, module: str, name: str) -> Ref:
        ref = super()._judged(module, name)
        if ref.is_named(*_WRAPPER) or ref.is_named(*_DTYPE):
            self._is_counting = True
            for op in b"KMJ":
                self.pushes[op] = 0  # so that they come to `_number`
        return ref

    def _number(self, position: int) -> int:
        width = {0x4B: 1, 0x4D: 2, 0x4A: 4}[self._buffer[position]]
        end = position + 1 + width
        data = self._buffer[position + 1 : end]
        self._stack.append(int.from_bytes(data, "little", signed=width == 4))
        return end

    def _long(self, position: int) -> int:
        length = self._buffer[position + 1]
        if length > 8:
            return self._counted(position)
        end = position + 2 + length
        self._stack.append(int.from_bytes(self._buffer[position + 2 : end], "little", signed=True))
        return end

    def _number_line(self, position: int) -> int:
        """INT and LONG of protocol 0."""
        line, position = self._line(position + 1)
        told = line.removesuffix(b"L")
        is_number = len(told) < 20 and told.removeprefix(b"-").isdigit()
        self._stack.append(int(told) if is_number else PLAIN)
        return position

    def _called(self, function: Value, arguments: Value) -> None:
        super()._called(function, arguments)
        if not isinstance(function, Ref):
            return
        if function.is_named(*_WRAPPER):
            self._stack[-1] = _WRAPPED
        elif function.is_named(*_DTYPE):
            text = arguments[0] if isinstance(arguments, tuple) else None
            if isinstance(text, bytes) and (dtype := _dtype_of(text)):
                self._stack[-1] = dtype

    def _set(self, items: list[Value]) -> None:
        super()._set(items)
        if not self._is_counting:
            return
        fields = {key: value for key, value in zip(items[::2], items[1::2], strict=False)
                  if isinstance(key, bytes)}  # fmt: skip
        if b"shape" in fields and b"dtype" in fields and self._stack[-1] is PLAIN:
            self._stack[-1] = ArrayState(
                _shape_of(fields[b"shape"]), fields[b"dtype"], isinstance(fields.get(_ALIGNED), int)
            )
            self._state_at = self._at

    def _build(self, position: int) -> int:
        state, target = self._stack[-1], self._stack[-2]
        if isinstance(target, DType):
            self._check_dtype(target, state)
        position = super()._build(position)
        if target is not _WRAPPED:
            return position
        if not isinstance(state, ArrayState) or self._state_at + 1 != self._at:
            raise Broken("has an array whose length cannot be told")
        if self._frame_end not in (-1, self._base + position):
            self._add("pickle-frame-lies", "an array stands within a frame")
        self._frame_end = -1
        end = self._behind(self._base + position, state)
        self.arrays += 1
        self._stack[-1] = MADE
        self.move_to(end)
        return self._fill(0)

    def _check_dtype(self, dtype: DType, state: Value) -> None:
        """A state that makes elements of another length would hide where an array ends."""
        if not self._is_counting:
            return
        size = state[5] if isinstance(state, tuple) and len(state) > 5 else None
        if size not in (-1, dtype.size):
            raise Broken("changes the length of an element after it was told")

    def _behind(self, start: int, state: ArrayState) -> int:
        """The offset behind the bytes of an array."""
        dtype = state.dtype
        if state.shape is None or not isinstance(dtype, DType):
            raise Broken("has an array whose length cannot be told")
        if dtype.has_objects:
            inner = Machine(self._source, self._report, start=start, probe=self._probe)
            end = inner.run()
            if end is None:
                raise Broken("has an array of objects that breaks off")
            return end
        if state.is_aligned:
            padding = self._source.read_at(start, 1)
            start += 1 + (padding[0] if padding else 0)
        end = start + math.prod(state.shape) * dtype.size
        if end > self._source.size:
            raise Broken("has an array that is longer than the file")
        return end


def _shape_of(value: Value) -> tuple[int, ...] | None:
    if value is PLAIN:
        return ()
    if not isinstance(value, tuple):
        return None
    sizes = tuple(one for one in value if isinstance(one, int) and one >= 0)
    return sizes if len(sizes) == len(value) else None


def _dtype_of(text: bytes) -> DType | None:
    kind, size = text[:1].lstrip(b"<>|=") or text[1:2], text.lstrip(b"<>|=")[1:]
    if not size.isdigit() or len(size) > 9:
        return None
    return DType(int(size) * (4 if kind == b"U" else 1), kind == b"O")


_HANDLERS: list[Any] = list(Machine.handlers)
for _op in b"KMJ":
    _HANDLERS[_op] = JoblibMachine._number
for _op in b"IL":
    _HANDLERS[_op] = JoblibMachine._number_line
_HANDLERS[0x8A] = JoblibMachine._long
_HANDLERS[0x62] = JoblibMachine._build
