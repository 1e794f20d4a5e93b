"""Reads rule files. What is wrong in one is told with its file and line; nothing is dropped."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import re2
import yaml

from tyrian.core.detection import Severity
from tyrian.detectors.code_shield.languages import SYNTAXES, language_of_tag
from tyrian.detectors.code_shield.names import last_part
from tyrian.detectors.code_shield.rule import (
    ArgumentTest,
    CodeRule,
    Confidence,
    Is,
    Matcher,
    Nearby,
    Profile,
    Room,
    RoomTest,
    RuleFile,
    Scope,
    Value,
)
from tyrian.errors import ConfigError

E = TypeVar("E", bound=StrEnum)

# Both are safe loaders; the first one is written in C.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FILE_KEYS = frozenset({"language", "theme", "rules", "sources", "sanitisers"})
_VALUE_KEYS = frozenset({"is", "equals", "regex", "not_is", "not_equals", "not_regex"})
_ARG_KEYS = _VALUE_KEYS | {"index", "keyword", "name"}
_NEARBY_KEYS = ("before", "not_before", "after", "not_after", "until", "inside", "not_inside")
_ROOM_KEYS = frozenset({"into", "text", "append", "format", "scan", "count", "is"})
_MATCH_KEYS = frozenset(
    {"call", "args", "assign", "value", "code", "text", "string", "requires", "unless", "scope",
     "room", "unless_said", *_NEARBY_KEYS}
)  # fmt: skip
_HEAD_KEYS = frozenset(
    {"id", "languages", "cwe", "owasp", "severity", "confidence", "profile", "message", "fix",
     "source", "any", "sanitisers", "good", "bad"}
)  # fmt: skip
_NEEDED = ("id", "cwe", "severity", "profile", "message", "good", "bad")
_KINDS = ("call", "assign", "code", "text", "string")
_RULES = Path(__file__).parent / "rules"
_MOST_REGEX = 2000
_MAX_MEM = 8 << 20

Node = Mapping[str, object]


class _FaultError(Exception):
    """A fault at a path of keys in the file."""

    def __init__(self, path: Sequence[object], message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path = tuple(path)
        self.message = message
        self.hint = hint


def parse(text: str, file: str = "rules") -> RuleFile:
    """The rules in a text; ConfigError names `file` and the line."""
    try:
        return _file(read_yaml(text, file), file)
    except _FaultError as fault:
        line = line_of(text, fault.path)
        raise ConfigError(f"{file}:{line}: {fault.message}", hint=fault.hint) from None


def read_yaml(text: str, file: str) -> object:
    """What a text says; ConfigError names `file` and the line where it is no YAML."""
    try:
        data: object = yaml.load(text, Loader=_LOADER)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it is no YAML"
        raise ConfigError(f"{file}:{line}: {problem}") from None
    return data


def _file(data: object, file: str) -> RuleFile:
    top = _mapping(data, ())
    _known(top, _FILE_KEYS, ())
    language = _language(top.get("language"), ("language",))
    sets = _mapping(top.get("sanitisers", {}), ("sanitisers",))
    named = {name: _texts(value, ("sanitisers", name)) for name, value in sets.items()}
    sources = _regexes(top.get("sources", ()), ("sources",))
    entries = top.get("rules")
    if not isinstance(entries, list) or not entries:
        raise _FaultError(("rules",), "a rule file needs a list `rules`")
    rules = tuple(
        _rule(entry, language, named, file, ("rules", number))
        for number, entry in enumerate(entries)
    )
    ids = [rule.id for rule in rules]
    for number, id_ in enumerate(ids):
        if ids.index(id_) != number:
            raise _FaultError(("rules", number, "id"), f"two rules have the id {id_!r}")
    theme = _text(top.get("theme", "other"), ("theme",))
    return RuleFile(language, theme, rules, sources)


def _rule(
    entry: object,
    language: str,
    named: Mapping[str, tuple[str, ...]],
    file: str,
    at: tuple[object, ...],
) -> CodeRule:
    node = _mapping(entry, at)
    _known(node, _HEAD_KEYS | _MATCH_KEYS, at)
    for key in _NEEDED:
        if key not in node:
            raise _FaultError(at, f"the rule has no `{key}`")
    cwe = _text(node["cwe"], (*at, "cwe"))
    if not cwe.startswith("CWE-") or not cwe[4:].isdigit():
        raise _FaultError((*at, "cwe"), f"`cwe` must be like CWE-78, not {cwe!r}")
    languages = tuple(
        _language(tag, (*at, "languages"))
        for tag in _texts(node.get("languages", ()), (*at, "languages"))
    )
    name = _text(node["id"], (*at, "id"))
    sanitisers = [
        pattern
        for word in _texts(node.get("sanitisers", ()), (*at, "sanitisers"))
        for pattern in named.get(word, (word,))
    ]
    return CodeRule(
        id=f"code.{language}.{name}",
        languages=languages or (language,),
        cwe=cwe,
        owasp=_text(node.get("owasp", ""), (*at, "owasp")),
        severity=_word(node["severity"], Severity, (*at, "severity")),
        confidence=_word(node.get("confidence", "medium"), Confidence, (*at, "confidence")),
        profile=_word(node["profile"], Profile, (*at, "profile")),
        message=_text(node["message"], (*at, "message")),
        fix=_text(node.get("fix", ""), (*at, "fix")),
        source=_text(node.get("source", ""), (*at, "source")),
        matchers=_matchers(node, at),
        sanitisers=tuple(sanitisers),
        good=_texts(node["good"], (*at, "good")),
        bad=_texts(node["bad"], (*at, "bad")),
        file=file,
    )


def _matchers(node: Node, at: tuple[object, ...]) -> tuple[Matcher, ...]:
    if "any" not in node:
        return (_matcher(node, node, at),)
    entries = node["any"]
    if not isinstance(entries, list) or not entries:
        raise _FaultError((*at, "any"), "`any` must be a list of matchers")
    if any(kind in node for kind in _KINDS):
        raise _FaultError(at, "a rule has either `any` or one matcher of its own, not both")
    found = []
    for number, entry in enumerate(entries):
        place = (*at, "any", number)
        one = _mapping(entry, place)
        _known(one, _MATCH_KEYS, place)
        found.append(_matcher(one, node, place))
    return tuple(found)


def _matcher(node: Node, rule: Node, at: tuple[object, ...]) -> Matcher:
    kinds = [kind for kind in _KINDS if kind in node]
    if len(kinds) != 1:
        raise _FaultError(
            at, f"give exactly one of {', '.join(_KINDS)}", "several ways go under `any`"
        )
    if "args" in node and "call" not in node:
        raise _FaultError((*at, "args"), "`args` belong to a `call`")
    if "value" in node and "assign" not in node:
        raise _FaultError((*at, "value"), "`value` belongs to an `assign`")
    if "room" in node and "call" not in node:
        raise _FaultError((*at, "room"), "`room` belongs to a `call`")

    def own(key: str, default: object) -> object:
        return node.get(key, rule.get(key, default))

    return Matcher(
        call=_names(node.get("call", ()), (*at, "call")),
        args=_args(node.get("args", ()), (*at, "args")),
        assign=_names(node.get("assign", ()), (*at, "assign")),
        value=_value(_mapping(node.get("value", {}), (*at, "value")), (*at, "value")),
        code=_regex(node.get("code", ""), (*at, "code")),
        text=_regex(node.get("text", ""), (*at, "text")),
        string=_regex(node.get("string", ""), (*at, "string")),
        requires=_regexes(own("requires", ()), (*at, "requires")),
        unless=_regexes(own("unless", ()), (*at, "unless")),
        scope=_word(own("scope", "function"), Scope, (*at, "scope")),
        unless_said=_regexes(own("unless_said", ()), (*at, "unless_said")),
        nearby=_nearby({key: own(key, ()) for key in _NEARBY_KEYS}, at),
        room=_room(node["room"], (*at, "room")) if "room" in node else None,
    )


def _nearby(node: Node, at: tuple[object, ...]) -> Nearby | None:
    if not any(node.values()):
        return None
    if node["until"] and not (node["after"] or node["not_after"]):
        raise _FaultError((*at, "until"), "`until` ends the look of `after` and `not_after`")
    return Nearby(**{key: _regexes(node[key], (*at, key)) for key in _NEARBY_KEYS})


def _room(value: object, at: tuple[object, ...]) -> RoomTest:
    node = _mapping(value, at)
    _known(node, _ROOM_KEYS, at)
    numbers: dict[str, int | None] = {}
    for key in ("into", "text", "append", "format", "scan", "count"):
        number = node.get(key)
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise _FaultError((*at, key), f"`{key}` must be the index of an argument")
        numbers[key] = number
    into = numbers.pop("into")
    if into is None or sum(number is not None for number in numbers.values()) != 1:
        raise _FaultError(at, "`room` needs `into` and one of text, append, format, scan, count")
    is_ = tuple(_word(word, Room, (*at, "is")) for word in _texts(node.get("is", ()), (*at, "is")))
    if not is_:
        raise _FaultError(at, "`room` needs `is`", "known: enough, unknown, less")
    return RoomTest(into, is_, **numbers)


def _names(value: object, at: tuple[object, ...]) -> tuple[str, ...]:
    """Name patterns. A last part that fits any name would make every word of a text a suspect."""
    patterns = _texts(value, at)
    for pattern in patterns:
        if not last_part(pattern).strip("*"):
            raise _FaultError(at, f"the pattern {pattern!r} fits every name", "name the last part")
    return patterns


def _args(value: object, at: tuple[object, ...]) -> tuple[ArgumentTest, ...]:
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise _FaultError(at, "`args` must be a list of conditions")
    return tuple(_arg(_mapping(one, (*at, n)), (*at, n)) for n, one in enumerate(value))


def _arg(node: Node, at: tuple[object, ...]) -> ArgumentTest:
    _known(node, _ARG_KEYS, at)
    index = node.get("index", ())
    keywords = _texts(node.get("keyword", ()), (*at, "keyword"))
    value = _value({k: v for k, v in node.items() if k in _VALUE_KEYS}, at)
    name = _text(node.get("name", ""), (*at, "name"))
    if index == "any":
        return ArgumentTest(is_any=True, value=value, name=name)
    numbers = index if isinstance(index, list | tuple) else (index,)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise _FaultError((*at, "index"), "`index` must be a number, a list of numbers, or any")
    if not numbers and not keywords:
        raise _FaultError(at, "an argument needs `index` or `keyword`")
    return ArgumentTest(tuple(numbers), keywords, value=value, name=name)


def _value(node: Node, at: tuple[object, ...]) -> Value:
    _known(node, _VALUE_KEYS, at)

    def kinds(key: str) -> tuple[Is, ...]:
        return tuple(_word(word, Is, (*at, key)) for word in _texts(node.get(key, ()), (*at, key)))

    return Value(
        is_=kinds("is"),
        equals=_texts(node.get("equals", ()), (*at, "equals"), scalars=True),
        regex=_regex(node.get("regex", ""), (*at, "regex")),
        not_is=kinds("not_is"),
        not_equals=_texts(node.get("not_equals", ()), (*at, "not_equals"), scalars=True),
        not_regex=_regex(node.get("not_regex", ""), (*at, "not_regex")),
    )


def _mapping(value: object, at: tuple[object, ...]) -> Node:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _FaultError(at, "there must be a mapping here")
    return value


def _known(node: Node, known: Iterable[str], at: tuple[object, ...]) -> None:
    names = sorted(known)
    for key in node:
        if key not in names:
            near = get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
            raise _FaultError((*at, key), f"unknown key {key!r}", hint)


def _text(value: object, at: tuple[object, ...]) -> str:
    if not isinstance(value, str):
        raise _FaultError(at, "there must be text here", "put it in quotes")
    return value


def _texts(value: object, at: tuple[object, ...], *, scalars: bool = False) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if scalars and isinstance(value, bool | int | float):
        return (str(value),)
    if not isinstance(value, list | tuple):
        raise _FaultError(at, "there must be text here, or a list of texts")
    return tuple(
        str(one) if scalars and isinstance(one, bool | int | float) else _text(one, (*at, number))
        for number, one in enumerate(value)
    )


def _word(value: object, kind: type[E], at: tuple[object, ...]) -> E:
    try:
        return kind(str(value))
    except ValueError:
        raise _FaultError(at, f"unknown word {value!r}", f"known: {', '.join(kind)}") from None


def _language(value: object, at: tuple[object, ...]) -> str:
    name = language_of_tag(value) if isinstance(value, str) else None
    if name is None:
        raise _FaultError(at, f"unknown language {value!r}", f"known: {', '.join(SYNTAXES)}")
    return name


def _regexes(value: object, at: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(_regex(one, at) for one in _texts(value, at))


def _regex(value: object, at: tuple[object, ...]) -> str:
    pattern = _text(value, at)
    if pattern and len(pattern) > _MOST_REGEX:
        raise _FaultError(at, f"the regular expression is longer than {_MOST_REGEX} characters")
    if pattern:
        try:
            compiled(pattern)
        except ConfigError as error:
            raise _FaultError(at, error.message, error.hint) from None
    return pattern


@lru_cache(maxsize=8192)
def compiled(pattern: str) -> "re2._Regexp":
    """The expression, compiled for bytes in linear time; ConfigError where that cannot be."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEM
    try:
        return re2.compile(f"(?m){pattern}".encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else "not valid"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ConfigError(
            f"the regular expression cannot be used: {text}",
            hint="look-around and back-references could take super-linear time; use RE2 syntax",
        ) from None


@lru_cache(maxsize=1)
def _composed(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=_LOADER)


def line_of(text: str, path: Sequence[object]) -> int:
    """The line (from 1) of the deepest part of `path` that the text has."""
    node = _composed(text)
    line = 1
    for step in path:
        if node is None:
            break
        line = node.start_mark.line + 1
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == step:
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            child = node.value[step] if step < len(node.value) else None
            line = child.start_mark.line + 1 if child is not None else line
        node = child
    return line


def builtin_files(language: str) -> tuple[RuleFile, ...]:
    """The rule files that come with Tyrian for one language, without those it inherits."""
    folder = _RULES / language
    if not folder.is_dir():
        return ()
    named = sorted(folder.glob("*.yaml"))
    return tuple(parse(f.read_text(encoding="utf-8"), f"rules/{language}/{f.name}") for f in named)
