"""What a pickle has put aside, in a byte for most of it."""

from tyrian.supply.scan.pickles.allow import VOCABULARY
from tyrian.supply.scan.pickles.value import (
    MADE,
    PLAIN,
    ArrayState,
    Made,
    Payload,
    Plain,
    Value,
)

PLAIN_KIND, _MADE, KEPT, _NONE = 0, 1, 2, 3
_MOST_TEXTS = 30_000
_MOST_DENSE = 1 << 26
_TRUSTED = (b"sklearn.", b"torch.", b"scipy.", b"numpy.", b"pandas.", b"xgboost.", b"lightgbm.")


_CAPITALS = frozenset(bytes([one]) for one in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_")


class Memo:
    """The memo of one pickle; a text that is not kept comes back as plain data.

    That can only make a finding of a harmless name, never the other way round: a name that is
    allowed is in the vocabulary, or of a module that is kept always.
    """

    __slots__ = ("_classes", "_texts", "is_full", "kept", "kinds", "sparse")

    def __init__(self) -> None:
        self.kinds = bytearray()
        """What each place holds; only the interpreter's loop adds to it from outside."""
        self.kept: dict[int, Value] = {}
        self.sparse: dict[int, Value] = {}
        self.is_full = False
        """Whether further texts that begin with a small letter are kept only by exception."""
        self._texts = 0
        self._classes = 0

    def append(self, value: Value) -> None:
        """MEMOIZE: put aside under the next number."""
        if self.sparse:
            self.put(len(self.kinds) + len(self.sparse), value)
        elif value is PLAIN:
            self.kinds.append(PLAIN_KIND)
        else:
            self.kinds.append(self._kind(len(self.kinds), value))

    def put(self, index: int, value: Value) -> bool:
        """PUT: put aside under a number; false where there is no room to keep it."""
        kinds = self.kinds
        if index < len(kinds):
            if index in self.kept:
                del self.kept[index]
            kinds[index] = self._kind(index, value)
        elif index == len(kinds) and index < _MOST_DENSE:
            kinds.append(self._kind(index, value))
        elif index < len(kinds) + 4096 and index < _MOST_DENSE:
            kinds.extend(bytes((_NONE,)) * (index - len(kinds)))
            kinds.append(self._kind(index, value))
        else:
            if len(self.sparse) >= 65_536:
                return False
            self.sparse[index] = value
        return True

    def _kind(self, index: int, value: Value) -> int:
        if type(value) is bytes:
            if not self._is_worth(value):
                return PLAIN_KIND
        elif isinstance(value, Made):
            return _MADE
        elif isinstance(value, tuple):
            if not all(type(one) is int for one in value):  # shapes of arrays
                return PLAIN_KIND
        elif isinstance(value, Plain | Payload | ArrayState | int):
            return PLAIN_KIND
        self.kept[index] = value
        return KEPT

    def _is_worth(self, text: bytes) -> bool:
        if text in VOCABULARY:
            return True
        is_class = text[:1] in _CAPITALS
        if (self._classes if is_class else self._texts) >= _MOST_TEXTS:
            return b"." in text and text.startswith(_TRUSTED)
        if len(text) > 120 or not text.replace(b".", b"").replace(b"_", b"").isalnum():
            return False
        if is_class:
            self._classes += 1
        else:
            self._texts += 1
            self.is_full = self._texts >= _MOST_TEXTS
        return True

    def get(self, index: int) -> Value | None:
        """GET: what was put aside; None where nothing was."""
        if index < len(self.kinds):
            kind = self.kinds[index]
            if kind == PLAIN_KIND:
                return PLAIN
            if kind == _MADE:
                return MADE
            if kind == KEPT:
                return self.kept[index]
        return self.sparse.get(index)


def is_special_key(value: Value) -> bool:
    """Whether a key names an attribute that Python itself calls or follows."""
    if not isinstance(value, bytes) or not (value.startswith(b"__") and value.endswith(b"__")):
        return False
    return value not in (b"__version__", b"__doc__", b"__name__", b"__module__", b"__dict__")
