"""Tuples, lists, sets and dictionaries, as far as they may hold more than data."""

from typing import Final

from tyrian.supply.scan.pickles.calls import Calls
from tyrian.supply.scan.pickles.memo import is_special_key
from tyrian.supply.scan.pickles.operands import words_of
from tyrian.supply.scan.pickles.value import PLAIN, SPECIAL, Plain, Ref, Value

_DATA_TYPES: Final = frozenset({Plain, bytes})


class Containers(Calls):
    """What is put into what; an import that is changed so is a finding."""

    _is_counting = False
    """Whether texts and numbers may tell how long what follows is."""

    def _is_data(self, items: list[Value], op: int) -> bool:
        """Whether nothing but data, and keys that name no special attribute, is put into data."""
        if items.count(PLAIN) == len(items):
            return True
        if self._is_counting or not _DATA_TYPES.issuperset(map(type, items)):
            return False
        return op == 0x65 or b"__" not in b" ".join([k for k in items[::2] if type(k) is bytes])

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
            self._add("pickle-patches-import", words_of(self._stack[-1], "is changed in place"))

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
            self._add("pickle-patches-import", words_of(self._stack[-1], "has items set in it"))
