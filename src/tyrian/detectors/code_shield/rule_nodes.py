"""What stands at a place of a rule file; a fault names the place by the keys that lead there."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar

from tyrian.detectors.code_shield.languages import SYNTAXES, language_of_tag
from tyrian.detectors.code_shield.regex import compiled
from tyrian.errors import ConfigError

E = TypeVar("E", bound=StrEnum)
Node = Mapping[str, object]
Path = tuple[object, ...]

_REGEX_KEYS = frozenset(
    {"code", "string", "requires", "unless", "unless_said", "regex", "not_regex", "sources",
     "before", "not_before", "after", "not_after", "until", "inside", "not_inside", "text"}
)  # fmt: skip
_MOST_REGEX = 2000


class FaultError(Exception):
    """A fault at a path of keys in the file."""

    def __init__(self, path: Path, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


def mapping_at(value: object, at: Path) -> Node:
    """A mapping whose keys are text."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FaultError(at, "there must be a mapping here")
    return value


def check_keys(node: Node, known: Set[str], at: Path) -> None:
    """Refuse a key that is not among the known ones."""
    if node.keys() <= known:
        return
    # Only a faulty file needs it, and it takes long to load.
    from difflib import get_close_matches

    names = sorted(known)
    key = next(key for key in node if key not in known)
    near = get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise FaultError((*at, key), f"unknown key {key!r}", hint)


def text_at(value: object, at: Path) -> str:
    """Text."""
    if not isinstance(value, str):
        raise FaultError(at, "there must be text here", "put it in quotes")
    return value


def texts_at(value: object, at: Path, *, scalars: bool = False) -> tuple[str, ...]:
    """A text or a list of texts; with `scalars` also numbers and truth values, as text."""
    if isinstance(value, str):
        return (value,)
    if scalars and isinstance(value, bool | int | float):
        return (str(value),)
    if not isinstance(value, list | tuple):
        raise FaultError(at, "there must be text here, or a list of texts")
    return tuple(
        str(one) if scalars and isinstance(one, bool | int | float) else text_at(one, (*at, number))
        for number, one in enumerate(value)
    )


def word_at(value: object, kind: type[E], at: Path) -> E:
    """One of the words of an enumeration."""
    try:
        return kind(str(value))
    except ValueError:
        raise FaultError(at, f"unknown word {value!r}", f"known: {', '.join(kind)}") from None


def words_at(value: object, kind: type[E], at: Path) -> tuple[E, ...]:
    """Words of an enumeration, one or a list of them."""
    return tuple(word_at(word, kind, at) for word in texts_at(value, at))


def language_at(value: object, at: Path) -> str:
    """A language by any of its tags."""
    name = language_of_tag(value) if isinstance(value, str) else None
    if name is None:
        raise FaultError(at, f"unknown language {value!r}", f"known: {', '.join(SYNTAXES)}")
    return name


def check_regexes(value: object, at: Path = ()) -> None:
    """Refuse a regular expression below a place that is too long or cannot be compiled."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _REGEX_KEYS:
                _check_regex(inner, (*at, key))
            elif isinstance(inner, Mapping | list):
                check_regexes(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            check_regexes(inner, (*at, number))


def _check_regex(value: object, at: Path) -> None:
    for pattern in value if isinstance(value, list) else (value,):
        if not isinstance(pattern, str):
            continue
        if len(pattern) > _MOST_REGEX:
            raise FaultError(at, f"the regular expression is longer than {_MOST_REGEX} characters")
        try:
            compiled(pattern)
        except ConfigError as error:
            raise FaultError(at, error.message, error.hint) from None
