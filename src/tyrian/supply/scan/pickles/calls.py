"""What a pickle calls, and the objects that it asks its loader for."""

from collections.abc import Callable

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.names import Names
from tyrian.supply.scan.pickles.operands import words_of
from tyrian.supply.scan.pickles.stream import Broken
from tyrian.supply.scan.pickles.value import MADE, PLAIN, SPECIAL, Payload, Ref, Value
from tyrian.supply.scan.source import Source

Probe = Callable[[Source, int, bool], "Payload | None"]
"""Looks into bytes inside a pickle: the source, its offset, whether it was a text."""
_MOST_KEPT = 255
_UNSEEN = "loads another pickle, which is not among the bytes that could be scanned"


class Calls(Names):
    """Only what was imported may be called, and what loads pickles only with scanned bytes."""

    def __init__(
        self, source: Source, report: Collector, start: int, *, is_torch_script: bool,
        probe: Probe | None, persistent: Callable[[Value], bool] | None,
    ) -> None:  # fmt: skip
        super().__init__(source, report, start, is_torch_script=is_torch_script)
        self._probe = probe
        self._persistent = persistent
        self.calls = 0
        """Calls that the pickles would make: what tells a pickle from a text."""

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
            self._add("pickle-dangerous-global", words_of(function, _UNSEEN))

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
            self._add("pickle-patches-import", words_of(target, "is changed: its state is set"))
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


def _encoded(function: Value, arguments: Value) -> Value:
    """What a call gives; old protocols write bytes as a text that is encoded again."""
    is_encode = isinstance(function, Ref) and function.is_named("_codecs", "encode")
    if is_encode and isinstance(arguments, tuple) and len(arguments) == 2:
        text, codec = arguments
        if isinstance(text, Payload) and codec == b"latin1":
            return text
    return MADE
