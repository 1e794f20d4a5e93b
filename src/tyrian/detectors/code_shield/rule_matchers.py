"""The matchers of a rule, as a rule file writes them."""

from collections.abc import Callable, Mapping
from typing import Any

from tyrian.detectors.code_shield.names import last_part
from tyrian.detectors.code_shield.rule import (
    ArgumentTest,
    Is,
    Matcher,
    Nearby,
    Room,
    RoomTest,
    Scope,
    Value,
)
from tyrian.detectors.code_shield.rule_nodes import (
    FaultError,
    Node,
    Path,
    check_keys,
    mapping_at,
    text_at,
    texts_at,
    word_at,
    words_at,
)

_VALUE_KEYS = frozenset({"is", "equals", "regex", "not_is", "not_equals", "not_regex"})
_ARG_KEYS = _VALUE_KEYS | {"index", "keyword", "name"}
_NEARBY_KEYS = ("before", "not_before", "after", "not_after", "until", "inside", "not_inside")
_ROOM_KEYS = frozenset({"into", "text", "append", "format", "scan", "count", "is"})
_KINDS = ("call", "assign", "code", "text", "string")
_BELONGS = (("args", "call"), ("value", "assign"), ("room", "call"))
_SHARED_KEYS = ("requires", "unless", "scope", "unless_said")
"""Keys that a rule may give for all its matchers."""
MATCH_KEYS = frozenset({*_KINDS, "args", "value", "room", *_SHARED_KEYS, *_NEARBY_KEYS})
"""Every key of a matcher."""


def matchers_at(node: Node, at: Path) -> tuple[Matcher, ...]:
    """The matcher that a rule itself is, or those of its `any`."""
    if "any" not in node:
        return (_matcher(node, node, at),)
    entries = node["any"]
    if not isinstance(entries, list) or not entries:
        raise FaultError((*at, "any"), "`any` must be a list of matchers")
    if any(kind in node for kind in _KINDS):
        raise FaultError(at, "a rule has either `any` or one matcher of its own, not both")
    found = []
    for number, entry in enumerate(entries):
        place = (*at, "any", number)
        one = mapping_at(entry, place)
        check_keys(one, MATCH_KEYS, place)
        found.append(_matcher(one, node, place))
    return tuple(found)


def _matcher(node: Node, rule: Node, at: Path) -> Matcher:
    if sum(kind in node for kind in _KINDS) != 1:
        raise FaultError(
            at, f"give exactly one of {', '.join(_KINDS)}", "several ways go under `any`"
        )
    for key, kind in _BELONGS:
        if key in node and kind not in node:
            article = "an" if kind == "assign" else "a"
            verb = "belong" if key == "args" else "belongs"
            raise FaultError((*at, key), f"`{key}` {verb} to {article} `{kind}`")
    given = {key: node[key] for key in _READERS if key in node}
    given |= {key: rule[key] for key in _SHARED_KEYS if key in rule and key not in given}
    fields = {key: _READERS[key](value, (*at, key)) for key, value in given.items()}
    around = {key: rule[key] for key in _NEARBY_KEYS if key in rule}
    around |= {key: node[key] for key in _NEARBY_KEYS if key in node}
    return Matcher(**fields, nearby=_nearby(around, at) if around else None)


def _nearby(node: Node, at: Path) -> Nearby | None:
    fields = {key: texts_at(value, (*at, key)) for key, value in node.items()}
    if not any(fields.values()):
        return None
    if fields.get("until") and not (fields.get("after") or fields.get("not_after")):
        raise FaultError((*at, "until"), "`until` ends the look of `after` and `not_after`")
    return Nearby(**fields)


def _room(value: object, at: Path) -> RoomTest:
    node = mapping_at(value, at)
    check_keys(node, _ROOM_KEYS, at)
    numbers: dict[str, int | None] = {}
    for key in ("into", "text", "append", "format", "scan", "count"):
        number = node.get(key)
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise FaultError((*at, key), f"`{key}` must be the index of an argument")
        numbers[key] = number
    into = numbers.pop("into")
    if into is None or sum(number is not None for number in numbers.values()) != 1:
        raise FaultError(at, "`room` needs `into` and one of text, append, format, scan, count")
    is_ = words_at(node.get("is", ()), Room, (*at, "is"))
    if not is_:
        raise FaultError(at, "`room` needs `is`", "known: enough, unknown, less")
    return RoomTest(into, is_, **numbers)


def _names(value: object, at: Path) -> tuple[str, ...]:
    """Name patterns. A last part that fits any name would make every word of a text a suspect."""
    patterns = texts_at(value, at)
    for pattern in patterns:
        if not last_part(pattern).strip("*"):
            raise FaultError(at, f"the pattern {pattern!r} fits every name", "name the last part")
    return patterns


def _args(value: object, at: Path) -> tuple[ArgumentTest, ...]:
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise FaultError(at, "`args` must be a list of conditions")
    return tuple(_arg(mapping_at(one, (*at, n)), (*at, n)) for n, one in enumerate(value))


def _arg(node: Node, at: Path) -> ArgumentTest:
    check_keys(node, _ARG_KEYS, at)
    index = node.get("index", ())
    keywords = texts_at(node.get("keyword", ()), (*at, "keyword"))
    value = _value({k: v for k, v in node.items() if k in _VALUE_KEYS}, at)
    name = text_at(node.get("name", ""), (*at, "name"))
    if index == "any":
        return ArgumentTest(is_any=True, value=value, name=name)
    numbers = index if isinstance(index, list | tuple) else (index,)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise FaultError((*at, "index"), "`index` must be a number, a list of numbers, or any")
    if not numbers and not keywords:
        raise FaultError(at, "an argument needs `index` or `keyword`")
    return ArgumentTest(tuple(numbers), keywords, value=value, name=name)


def _value(value: object, at: Path) -> Value:
    node = mapping_at(value, at)
    check_keys(node, _VALUE_KEYS, at)
    return Value(
        is_=words_at(node.get("is", ()), Is, (*at, "is")),
        equals=texts_at(node.get("equals", ()), (*at, "equals"), scalars=True),
        regex=text_at(node.get("regex", ""), (*at, "regex")),
        not_is=words_at(node.get("not_is", ()), Is, (*at, "not_is")),
        not_equals=texts_at(node.get("not_equals", ()), (*at, "not_equals"), scalars=True),
        not_regex=text_at(node.get("not_regex", ""), (*at, "not_regex")),
    )


def _scope(value: object, at: Path) -> Scope:
    return word_at(value, Scope, at)


_READERS: Mapping[str, Callable[[object, Path], Any]] = {
    "call": _names,
    "args": _args,
    "assign": _names,
    "value": _value,
    "code": text_at,
    "text": text_at,
    "string": text_at,
    "requires": texts_at,
    "unless": texts_at,
    "scope": _scope,
    "unless_said": texts_at,
    "room": _room,
}
