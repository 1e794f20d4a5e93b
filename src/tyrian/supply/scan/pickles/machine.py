"""An abstract interpreter of pickles: it follows what a loader would do, and does none of it.

Source: https://docs.python.org/3/library/pickletools.html and Modules/_pickle.c of CPython. The
operands are followed through stack and memo as CPython's C loader does it, so that a name is known
whether it stands in one opcode, comes out of the memo, or is put together. Data is one value,
whatever it is; a scan keeps neither numbers nor tensors.
"""

import codecs
import struct
from collections.abc import Callable
from typing import Final

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.allow import GUARDED, is_allowed, resolved
from tyrian.supply.scan.pickles.explain import danger_of
from tyrian.supply.scan.pickles.memo import Memo, is_special_key
from tyrian.supply.scan.pickles.value import MADE, PLAIN, SPECIAL, Payload, Plain, Ref, Value
from tyrian.supply.scan.source import CHUNK, Source

_MARGIN = 1024
_MOST_STACK = 4_000_000
"""Values that may wait on the stack; a loader would need a hundred times the memory for them."""
_MOST_LINE = 1 << 16
_MOST_KEPT = 255
"""Bytes of a text that may name something."""

_PUSHES: Final = bytearray(256)
"""Length of opcodes that push data of a fixed length; 0 for all others."""
for _code, _size in {
    b"N": 1, b"\x88": 1, b"\x89": 1, b"]": 1, b"}": 1, b")": 1, b"\x8f": 1,
    b"K": 2, b"M": 3, b"J": 5, b"G": 9,
}.items():  # fmt: skip
    _PUSHES[_code[0]] = _size

_DATA_TYPES: Final = frozenset({Plain, bytes})
Probe = Callable[[Source, int, bool], "Payload | None"]
"""Looks into bytes inside a pickle: the source, its offset, whether it was a text."""


class Broken(Exception):  # noqa: N818  # no error of ours: the end of a pickle that cannot go on
    """A loader would stop here with an error."""


class Machine:
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
        self._source = source
        self._report = report
        self._probe = probe
        self._persistent = persistent
        self._is_torch_script = is_torch_script
        self._buffer = b""
        self._base = start
        """Where the buffer begins in the source."""
        self._at = start
        """The opcode that is followed, counted from the start of the source."""
        self._limit = 0
        """Up to here the loop goes on without looking up."""
        self._whole = 0
        """Up to here an opcode with its short arguments lies in the buffer as a whole."""
        self._end = 0
        self._is_counting = False
        """Whether texts and numbers may tell how long what follows is."""
        self._reset()
        self.calls = 0
        """Calls that the pickles would make: what tells a pickle from a text."""
        self.last: Value = PLAIN
        """What the last pickle would return."""
        self.last_ref: Ref | None = None

    def _reset(self) -> None:
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo = Memo()
        self._protocol = 0
        self._frame_end = -1

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

    def move_to(self, offset: int) -> None:
        """Go on at another place of the source."""
        self._base, self._buffer, self._end, self._limit, self._whole = offset, b"", 0, 0, 0

    def _fill(self, position: int) -> int:
        """Bring more bytes; the position of the same byte in the new buffer."""
        self._base += position
        data = self._source.read_at(self._base, CHUNK)
        self._end = len(data)
        if self._base + self._end >= self._source.size:
            self._whole = self._end
            data += bytes(16)  # so that short arguments can be looked at before their end is known
        else:
            self._whole = self._end - _MARGIN
        self._buffer = data
        self._limit = self._within_frame()
        return 0

    def _within_frame(self) -> int:
        """Cut off where a frame ends, so that an opcode across its end is seen."""
        if self._frame_end < 0:
            return self._whole
        return min(self._whole, max(0, self._frame_end - self._base))

    def _follow(self, position: int) -> int:
        stack, marks, memo = self._stack, self._marks, self._memo
        push, pushes, plain = stack.append, self.pushes, PLAIN
        remember, kinds, sparse = memo.append, memo.kinds, memo.sparse
        handlers = self.handlers
        data, limit = self._buffer, self._limit
        while True:
            if position >= limit:
                position = self._more(position)
                data, limit = self._buffer, self._limit
            op = data[position]
            if size := pushes[op]:
                push(plain)
                position += size
            elif op == 0x94:  # MEMOIZE
                if stack[-1] is plain and not sparse:
                    kinds.append(0)
                else:
                    remember(stack[-1])
                position += 1
            elif op == 0x8C or op == 0x55:  # SHORT_BINUNICODE, SHORT_BINSTRING
                end = position + 2 + data[position + 1]
                push(data[position + 2 : end])
                position = end
            elif op == 0x68:  # BINGET
                found = memo.get(data[position + 1])
                if found is None:
                    self._at = self._base + position
                    raise Broken(_NO_MEMO)
                push(found)
                position += 2
            elif op == 0x6A:  # LONG_BINGET
                found = memo.get(int.from_bytes(data[position + 1 : position + 5], "little"))
                if found is None:
                    self._at = self._base + position
                    raise Broken(_NO_MEMO)
                push(found)
                position += 5
            elif op == 0x71:  # BINPUT
                memo.put(data[position + 1], stack[-1])
                position += 2
            elif op == 0x28:  # MARK
                marks.append(len(stack))
                position += 1
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
                del stack[-1]
                position += 1
            elif (op == 0x65 or op == 0x75) and marks:  # APPENDS, SETITEMS
                mark = marks[-1]
                items = stack[mark:]
                if mark and stack[mark - 1] is plain and (
                    items.count(plain) == len(items) or self._is_harmless(items, op)
                ):  # fmt: skip
                    del stack[mark:]
                    marks.pop()
                    position += 1
                else:
                    self._at = self._base + position
                    position = handlers[op](self, position)  # type: ignore[misc]
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
                data, limit = self._buffer, self._limit

    def _is_harmless(self, items: list[Value], op: int) -> bool:
        """Whether nothing but data and texts that name no special attribute is put into data."""
        if not _DATA_TYPES.issuperset(map(type, items)) or self._is_counting:
            return False
        return op == 0x65 or b"__" not in b"".join([one for one in items if type(one) is bytes])

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

    # what every handler uses

    def _add(self, rule: str, why: str) -> None:
        self._report.add(rule, self._at, why)

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
                self._add("pickle-dangerous-global", _words(value, _DATA))

    def _line(self, position: int) -> tuple[bytes, int]:
        """The line at a position, without its end, and where the next begins."""
        end = self._buffer.find(b"\n", position, self._end)
        if end < 0:
            position = self._fill(position)
            end = self._buffer.find(b"\n", position, min(self._end, position + _MOST_LINE))
            if end < 0:
                raise Broken("breaks off within a line, or has one beyond all measure")
        return self._buffer[position:end], end + 1

    def _skip(self, position: int, length: int) -> int:
        """Pass over a long argument without reading it."""
        end = self._base + position + length
        if end > self._source.size:
            raise Broken(f"tells of {length} bytes where {self._source.size - self._base} are left")
        if position + length < self._end:
            return position + length
        self._base = end
        return self._fill(0)

    # names

    def _name(self, module: bytes, name: bytes) -> None:
        try:
            words = module.decode(), name.decode()
        except UnicodeDecodeError:
            raise Broken("names something in broken UTF-8") from None
        self.last_ref = ref = self._judged(*resolved(*words, self._protocol))
        self._stack.append(ref)

    def _judged(self, module: str, name: str) -> Ref:
        if (module, name) in GUARDED:
            return Ref(module, name, is_guarded=True)
        if is_allowed(module, name):
            return Ref(module, name)
        if self._is_torch_script and module.split(".")[0] == "__torch__":
            return Ref(module, name)
        ref = Ref(module, name)
        if danger := danger_of(module, name):
            self._add("pickle-dangerous-global", _words(ref, danger))
        else:
            self._add("pickle-unknown-global", _words(ref, _UNKNOWN))
        return ref

    def _global(self, position: int) -> int:
        module, position = self._line(position + 1)
        name, position = self._line(position)
        self._name(module, name)
        return position

    def _stack_global(self, position: int) -> int:
        name, module = self._pop(), self._pop()
        if isinstance(name, bytes) and isinstance(module, bytes):
            self._name(module, name)
        else:
            self._add(
                "pickle-computed-name",
                "the name of what it imports is no text of the file but something it has made",
            )
            self._stack.append(Ref("", ""))
        return position + 1

    def _extension(self, position: int) -> int:
        width = {0x82: 1, 0x83: 2, 0x84: 4}[self._buffer[position]]
        code = int.from_bytes(self._buffer[position + 1 : position + 1 + width], "little")
        self._add("pickle-extension-code", f"takes number {code} of the extension registry")
        self._stack.append(Ref("copyreg", "extension"))
        return position + 1 + width

    # calls

    def _called(self, function: Value, arguments: Value) -> None:
        self.calls += 1
        if isinstance(function, Ref):
            if function.is_guarded:
                self._unlock(function, arguments)
        elif function is not PLAIN or self._probe is None:
            self._add("pickle-computed-call", "calls what it has made, not what it has imported")
        else:
            self._add("pickle-computed-call", "calls a value that is no name")
        if isinstance(arguments, tuple):
            if not (isinstance(function, Ref) and function.is_guarded):
                self._guard(*arguments)
        else:
            self._guard(arguments)
        self._stack.append(_encoded(function, arguments))

    def _unlock(self, function: Ref, arguments: Value) -> None:
        payload = arguments[0] if isinstance(arguments, tuple) and len(arguments) == 1 else None
        if isinstance(payload, Payload):
            self._report.take(iter(payload.findings))
        else:
            self._add("pickle-dangerous-global", _words(function, _UNSEEN))

    def _reduce(self, position: int) -> int:
        arguments, function = self._pop(), self._pop()
        self._called(function, arguments)
        return position + 1

    def _inst(self, position: int) -> int:
        module, position = self._line(position + 1)
        name, position = self._line(position)
        arguments = self._pop_mark()
        self._name(module, name)
        self._called(self._pop(), tuple(arguments))
        return position

    def _obj(self, position: int) -> int:
        items = self._pop_mark()
        if not items:
            raise Broken("makes an object of nothing")
        self._called(items[0], tuple(items[1:]))
        return position + 1

    def _newobj_ex(self, position: int) -> int:
        keywords, arguments, function = self._pop(), self._pop(), self._pop()
        self._guard(keywords)
        self._called(function, arguments)
        return position + 1

    def _build(self, position: int) -> int:
        state = self._pop()
        target = self._stack[-1]
        self._guard(state)
        if isinstance(target, Ref):
            self._add("pickle-patches-import", _words(target, "is changed: its state is set"))
        parts = state if isinstance(state, tuple) else (state,)
        if SPECIAL in parts:
            self._add("pickle-special-attribute", "its state sets a name such as __setstate__")
        self.calls += 1
        return position + 1

    def _persistent_line(self, position: int) -> int:
        value, position = self._line(position + 1)
        self._take_persistent(value[:_MOST_KEPT])
        return position

    def _persistent_value(self, position: int) -> int:
        self._take_persistent(self._pop())
        return position + 1

    def _take_persistent(self, value: Value) -> None:
        self._guard(*(value if isinstance(value, tuple) else (value,)))
        if self._persistent is None or not self._persistent(value):
            self._add("pickle-persistent-id", "asks its loader for an object by an id")
        is_class = isinstance(value, tuple) and len(value) > 1 and value[0] == b"module"
        self._stack.append(value[1] if is_class and isinstance(value, tuple) else MADE)

    # containers

    def _tuple(self, position: int) -> int:
        op = self._buffer[position]
        size = op - 0x84
        items = self._pop_mark() if op == 0x74 else [self._pop() for _ in range(size)][::-1]
        self._put_tuple(items)
        return position + 1

    def _put_tuple(self, items: list[Value]) -> None:
        if items.count(PLAIN) == len(items) or len(items) > 64:
            self._check(items)
            self._stack.append(PLAIN)
        else:
            self._guard(*items)
            self._stack.append(tuple(items))

    def _check(self, items: list[Value]) -> None:
        if items.count(PLAIN) != len(items):
            self._guard(*items)

    def _container(self, position: int) -> int:
        """LIST, DICT, FROZENSET."""
        items = self._pop_mark()
        self._check(items)
        is_dict = self._buffer[position] == 0x64
        self._stack.append(PLAIN)
        if is_dict and any(is_special_key(key) for key in items[::2]):
            self._stack[-1] = SPECIAL
        return position + 1

    def _append(self, position: int) -> int:
        value = self._pop()
        self._filled([value])
        return position + 1

    def _appends(self, position: int) -> int:
        """APPENDS, ADDITEMS."""
        self._filled(self._pop_mark())
        return position + 1

    def _filled(self, items: list[Value]) -> None:
        self._check(items)
        if isinstance(self._stack[-1], Ref):
            self._add("pickle-patches-import", _words(self._stack[-1], "is changed in place"))

    def _setitem(self, position: int) -> int:
        value, key = self._pop(), self._pop()
        self._set([key, value])
        return position + 1

    def _setitems(self, position: int) -> int:
        self._set(self._pop_mark())
        return position + 1

    def _set(self, items: list[Value]) -> None:
        if items.count(PLAIN) != len(items):
            self._guard(*items)
            texts = [key for key in items[::2] if type(key) is bytes]
            has_special = b"\n__" in b"\n" + b"\n".join(texts) and any(map(is_special_key, texts))
            if has_special and self._stack[-1] is PLAIN:
                self._stack[-1] = SPECIAL
        if isinstance(self._stack[-1], Ref):
            self._add("pickle-patches-import", _words(self._stack[-1], "has items set in it"))

    # stack and memo

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
            raise Broken(_NO_MEMO)
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

    # data

    def _text_line(self, position: int) -> int:
        """INT, LONG, FLOAT, STRING, UNICODE: a value in a line."""
        op = self._buffer[position]
        start = self._base + position + 1
        try:
            line, position = self._line(position + 1)
        except Broken:
            if op not in b"SV":
                raise
            self._stack.append(PLAIN)
            return self._after_line(start)
        self._stack.append(_value_of_line(op, line))
        return position

    def _after_line(self, start: int) -> int:
        """The place behind a line of any length."""
        for number, chunk in enumerate(self._source.chunks(start)):
            found = chunk.find(b"\n")
            if found >= 0:
                self._base = start + number * CHUNK + found + 1
                return self._fill(0)
        raise Broken("breaks off within a line")

    def _counted(self, position: int) -> int:
        """Texts and bytes with their length before them."""
        op = self._buffer[position]
        width, is_text = _COUNTED[op]
        head = self._buffer[position + 1 : position + 1 + width]
        length = int.from_bytes(head, "little", signed=op in b"T\x8b")
        if length < 0:
            raise Broken("has a length below zero")
        start = position + 1 + width
        offset = self._base + start
        if is_text and length <= _MOST_KEPT:
            value: Value = self._source.read_at(offset, length)
        else:
            value = self._probed(offset, length, is_text=is_text)
        position = self._skip(start, length)
        self._stack.append(value)
        return position

    def _probed(self, offset: int, length: int, *, is_text: bool) -> Value:
        if self._probe is None or length < 2 or offset + length > self._source.size:
            return PLAIN
        found = self._probe(self._source.part(offset, length), offset, is_text)
        return PLAIN if found is None else found

    def _proto(self, position: int) -> int:
        self._protocol = self._buffer[position + 1]
        if self._protocol > 5:
            raise Broken(f"is of protocol {self._protocol}, which does not exist")
        return position + 2

    def _frame(self, position: int) -> int:
        (length,) = struct.unpack_from("<Q", self._buffer, position + 1)
        start = self._base + position + 9
        if 0 <= self._frame_end != self._base + position and start < self._frame_end:
            self._add("pickle-frame-lies", "a frame begins within another")
        end = start + length
        if end > self._source.size:
            self._add("pickle-frame-lies", "a frame is longer than what is left of the file")
            end = -1
        self._frame_end = end
        self._limit = self._within_frame()
        return position + 9

    def _buffer_op(self, position: int) -> int:
        """NEXT_BUFFER takes data from outside; READONLY_BUFFER changes nothing here."""
        if self._buffer[position] == 0x97:
            self._add("pickle-persistent-id", "takes a buffer that its loader must bring")
            self._stack.append(PLAIN)
        return position + 1


_ENCODE = Ref("_codecs", "encode")
_NO_MEMO = "asks its memo for what was never put there; a loader stops here, after all before"
_UNKNOWN = "models do not need it, and importing or calling it may do anything"
_UNSEEN = "loads another pickle, which is not among the bytes that could be scanned"
_DATA = "is handed on, so that what it loads is not known"


def _encoded(function: Value, arguments: Value) -> Value:
    """What a call gives; old protocols write bytes as a text that is encoded again."""
    if function == _ENCODE and isinstance(arguments, tuple) and len(arguments) == 2:
        text, codec = arguments
        if isinstance(text, Payload) and codec == b"latin1":
            return text
    return MADE


def _words(ref: Ref, told: str) -> str:
    name = f"{ref.module}.{ref.name}" if ref.module else "what it names"
    return f"{name[:200]}: {told}"


def _value_of_line(op: int, line: bytes) -> Value:
    """The value of STRING and UNICODE as text; of numbers only that they are some."""
    if op == 0x53:  # STRING
        text = line.strip(b" \t\r\n")
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise Broken("has a text without quotes")
        try:
            found = codecs.escape_decode(text[1:-1])[0]
        except ValueError:
            raise Broken("has a text with broken escapes") from None
        return found if len(found) <= _MOST_KEPT else PLAIN
    if op == 0x56:  # UNICODE
        if len(line) > 4 * _MOST_KEPT:
            return PLAIN
        try:
            return line.decode("raw-unicode-escape").encode("utf-8", "surrogatepass")
        except UnicodeError:
            raise Broken("has a text with broken escapes") from None
    return PLAIN


_COUNTED: dict[int, tuple[int, bool]] = {
    0x58: (4, True),  # BINUNICODE
    0x8D: (8, True),  # BINUNICODE8
    0x54: (4, True),  # BINSTRING
    0x42: (4, False),  # BINBYTES
    0x43: (1, False),  # SHORT_BINBYTES
    0x8E: (8, False),  # BINBYTES8
    0x96: (8, False),  # BYTEARRAY8
    0x8A: (1, False),  # LONG1
    0x8B: (4, False),  # LONG4
}

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
    (bytes(_COUNTED), Machine._counted),
    (b"\x80", Machine._proto),
    (b"\x95", Machine._frame),
    (b"\x97\x98", Machine._buffer_op),
):
    for _op in _codes:
        _HANDLERS[_op] = _handler
Machine.handlers = tuple(_HANDLERS)
