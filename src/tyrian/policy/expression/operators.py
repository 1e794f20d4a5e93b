"""Operators and functions of expressions, with the types they take."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import re2

from tyrian.policy.expression.scene import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MAP,
    NULL,
    STRING,
    EvaluationError,
    Scene,
    item_of,
)

_INT_LIMIT = 2**63
_NUMERAL = re.compile(r"[-+]?[0-9]{1,32}(?:\.[0-9]{1,32})?(?:[eE][-+]?[0-9]{1,3})?\Z")


def type_of(value: object) -> str:
    """The type of a constant."""
    if value is None:
        return NULL
    return {bool: BOOL, int: INT, float: DOUBLE, str: STRING}[type(value)]


def key(value: object) -> object:
    """A value for a set, in which true is not 1; numbers are equal across their types."""
    if type(value) is bool:
        return (BOOL, value)
    if isinstance(value, str | int | float) or value is None:
        return value
    return (DYN, repr(value))


def hashed(values: object) -> frozenset[object] | None:
    """The set of a list of plain constants; None for other lists."""
    if isinstance(values, tuple) and all(isinstance(v, str | int | float | None) for v in values):
        return frozenset(map(key, values))
    return None


def equal(one: object, two: object) -> bool:
    """Equality across types: values of different types are unequal, numbers are compared."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(equal(one[k], two[k]) for k in one)
    return one == two


def equality(
    one: Callable[[Scene], object], value: object, *, is_wanted: bool
) -> Callable[[Scene], bool]:
    """`a == constant`, or `a != constant` where equality is not wanted."""
    if isinstance(value, str):
        # A text equals nothing but the same text, so that no types need be told apart.
        if is_wanted:
            return lambda scene: one(scene) == value
        return lambda scene: one(scene) != value
    if type(value) in (int, float):

        def run(scene: Scene) -> bool:
            found = one(scene)
            return (found == value and type(found) is not bool) is is_wanted

        return run
    return lambda scene: equal(one(scene), value) is is_wanted


def is_in(item: object, values: object) -> bool:
    """Membership in a list, or of a key in a map."""
    if isinstance(values, list | tuple):
        return any(equal(item, value) for value in values)
    if isinstance(values, Mapping):
        return isinstance(item, str) and item in values
    raise EvaluationError("`in` needs a list or a map")


def truth(value: object) -> bool:
    """A condition's value."""
    if type(value) is not bool:
        raise EvaluationError("a condition is not true or false")
    return value


def negated(value: object) -> bool:
    """`!a`."""
    return not truth(value)


def minus(value: object) -> int | float:
    """`-a`."""
    return _checked(-_number(value))


def logic(
    left: Callable[[Scene], object], right: Callable[[Scene], object], *, decisive: bool
) -> Callable[[Scene], bool]:
    """`||` (decisive true) or `&&` (decisive false), which absorb an error on one side."""

    def run(scene: Scene) -> bool:
        try:
            if truth(left(scene)) is decisive:
                return decisive
        except EvaluationError:
            if truth(right(scene)) is decisive:
                return decisive
            raise
        return truth(right(scene))

    return run


def member(value: object, name: str) -> object:
    """`value.name`."""
    if (type(value) is dict or isinstance(value, Mapping)) and name in value:
        return value[name]
    raise EvaluationError(f"there is no {name}")


def argument(name: str) -> Callable[[Scene], object]:
    """`tool.args.name`."""

    def run(scene: Scene) -> object:
        try:
            return scene.args[name]
        except KeyError:
            raise EvaluationError(f"there is no {name}") from None

    return run


def fact(argument: str, name: str) -> Callable[[Scene], object]:
    """`tool.facts.argument.name`."""

    def run(scene: Scene) -> object:
        try:
            return scene.facts[argument][name]
        except KeyError:
            raise EvaluationError(f"there is no {name} of {argument}") from None

    return run


def has(value: object, name: str) -> bool:
    """`has(value.name)`."""
    return isinstance(value, Mapping) and name in value


def index(value: object, at: object) -> object:
    """`value[at]`."""
    if isinstance(value, list | tuple) and type(at) is int and 0 <= at < len(value):
        return value[at]
    if isinstance(value, Mapping) and isinstance(at, str) and at in value:
        return value[at]
    raise EvaluationError("there is nothing at that index")


def comprehension(
    macro: str,
    name: str,
    items: Callable[[Scene], object],
    body: Callable[[Scene], object],
    most: int,
) -> Callable[[Scene], bool]:
    """`exists`, `all` or `exists_one` over a list."""

    def run(scene: Scene) -> bool:
        values = items(scene)
        if not isinstance(values, list | tuple):
            raise EvaluationError(f"{macro} needs a list")
        if len(values) > most:
            raise EvaluationError("the list is too long")
        count = 0
        for value in values:
            scene.variables[name] = value
            holds = truth(body(scene))
            if macro == "all" and not holds:
                return False
            if macro == "exists" and holds:
                return True
            count += holds
        return macro == "all" or (macro == "exists_one" and count == 1)

    return run


def searcher(pattern: str) -> Callable[[object], bool]:
    """A search for an RE2 pattern; ValueError where it is none."""
    try:
        options = re2.Options()
        options.log_errors = False
        found = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(str(error)) from None

    def search(text: object) -> bool:
        if not isinstance(text, str):
            raise EvaluationError("matches needs a string")
        return found.search(text) is not None

    return search


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError("not a number")
    return value


def _checked(value: int | float) -> int | float:
    if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        raise EvaluationError("the number is too large")
    return value


def _ordered(compare: Callable[[object, object], bool]) -> Callable[[object, object], bool]:
    def run(one: object, two: object) -> bool:
        is_text = isinstance(one, str) and isinstance(two, str)
        if not is_text:
            one, two = _number(one), _number(two)
        return compare(one, two)

    return run


def _add(one: object, two: object) -> object:
    if isinstance(one, str) and isinstance(two, str):
        return one + two
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return (*one, *two)
    return _checked(_number(one) + _number(two))


def _divide(one: object, two: object) -> int | float:
    a, b = _number(one), _number(two)
    if isinstance(a, int) and isinstance(b, int):
        if b == 0:
            raise EvaluationError("division by zero")
        return _checked(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))
    return a / b if b else math.nan


def _remainder(one: object, two: object) -> int:
    if type(one) is not int or type(two) is not int or two == 0:
        raise EvaluationError("no remainder")
    return int(math.fmod(one, two)) if abs(one) < 2**53 else one - two * int(_divide(one, two))


BINARY: Mapping[str, Callable[[object, object], object]] = {
    "==": equal,
    "!=": lambda one, two: not equal(one, two),
    "<": _ordered(lambda one, two: one < two),  # type: ignore[operator]
    "<=": _ordered(lambda one, two: one <= two),  # type: ignore[operator]
    ">": _ordered(lambda one, two: one > two),  # type: ignore[operator]
    ">=": _ordered(lambda one, two: one >= two),  # type: ignore[operator]
    "in": is_in,
    "+": _add,
    "-": lambda one, two: _checked(_number(one) - _number(two)),
    "*": lambda one, two: _checked(_number(one) * _number(two)),
    "/": _divide,
    "%": _remainder,
}

_NUMBERS = {INT, DOUBLE}


def result_type(operator: str, one: str, two: str) -> str:
    """The type that an operator gives for two types; '' where it does not take them."""
    if operator in ("==", "!="):
        known = one == two or DYN in (one, two) or {one, two} <= _NUMBERS
        lists = bool(item_of(one)) and bool(item_of(two))
        return BOOL if known or lists or NULL in (one, two) else ""
    if operator == "in":
        item = item_of(two)
        fits = DYN in (item, one) or item == one or {item, one} <= _NUMBERS
        return BOOL if two in (DYN, MAP) or (item and fits) else ""
    if DYN in (one, two):
        return BOOL if operator in ("<", "<=", ">", ">=") else DYN
    if operator in ("<", "<=", ">", ">="):
        return BOOL if one == two == STRING or {one, two} <= _NUMBERS else ""
    if operator == "+" and (one == two == STRING or (item_of(one) and item_of(two))):
        return one
    if operator == "%":
        return INT if one == two == INT else ""
    if {one, two} <= _NUMBERS:
        return DOUBLE if DOUBLE in (one, two) else INT
    return ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method; a method's value is its first argument."""

    apply: Callable[..., object]
    takes: tuple[tuple[str, ...], ...]
    gives: str
    is_method: bool = True


def _strings(apply: Callable[..., object]) -> Callable[..., object]:
    def run(*texts: object) -> object:
        if not all(isinstance(text, str) for text in texts):
            raise EvaluationError("not a string")
        return apply(*texts)

    return run


def _size(value: object) -> int:
    if isinstance(value, str | list | tuple | dict):
        return len(value)
    raise EvaluationError("size needs a string, a list or a map")


def _converted(kind: type) -> Callable[[object], object]:
    def run(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise EvaluationError("cannot be converted")
        if isinstance(value, str) and kind is not str and not _NUMERAL.match(value):
            raise EvaluationError("cannot be converted")
        try:
            return kind(value)
        except (ValueError, OverflowError):
            raise EvaluationError("cannot be converted") from None

    return run


def _ascii_case(text: str, *, is_upper: bool) -> str:
    return "".join((c.upper() if is_upper else c.lower()) if c.isascii() else c for c in text)


_S = ((STRING,),)
FUNCTIONS: Mapping[tuple[str, int], Function] = {
    ("startsWith", 2): Function(_strings(str.startswith), _S * 2, BOOL),
    ("endsWith", 2): Function(_strings(str.endswith), _S * 2, BOOL),
    ("contains", 2): Function(_strings(str.__contains__), _S * 2, BOOL),
    ("lowerAscii", 1): Function(_strings(lambda t: _ascii_case(t, is_upper=False)), _S, STRING),
    ("upperAscii", 1): Function(_strings(lambda t: _ascii_case(t, is_upper=True)), _S, STRING),
    ("size", 1): Function(_size, ((STRING, "list(", MAP),), INT, is_method=False),
    ("int", 1): Function(_converted(int), ((STRING, INT, DOUBLE),), INT, is_method=False),
    ("double", 1): Function(_converted(float), ((STRING, INT, DOUBLE),), DOUBLE, is_method=False),
    ("string", 1): Function(_converted(str), ((STRING, INT, DOUBLE),), STRING, is_method=False),
}
