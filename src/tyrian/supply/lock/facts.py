"""What a file means, as short lines by key: configurations, templates, tensors.

A lock keeps them, so that a changed file can be told of in its own words when the old one is gone.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import yaml

from tyrian.supply.lock.tensors import TensorsError, tensor_facts
from tyrian.supply.scan.strict_json import JsonError, decode

_MOST_BYTES = 64 << 20
"""A configuration that is larger is none."""
_LONGEST = 200
"""Characters of a value that is kept; of longer ones a digest is."""
_LONGEST_TEXT = 32 << 10
"""Characters of a template, which is kept whole."""
_WIDEST = 64
"""Members of an object or list that are kept one by one."""
_WIDEST_TOP = 1024
"""The same of the outermost object: configurations may have a hundred keys."""
_DEEPEST = 24
_LONGEST_REFERENCE = 2000
CODE_KEYS = ("auto_map", "custom_pipelines")
"""Keys of configurations under which code is named, perhaps of another repository."""
_TEMPLATES = ("chat_template", "template")
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What the YAML library raises beside its own errors, on values that are not of their tag."""
Facts = Mapping[str, str]


def is_meaningful(path: str) -> bool:
    """Whether facts can be told of a file with such a name."""
    return PurePosixPath(path).suffix.lower() in _READERS


def is_configuration(path: str) -> bool:
    """Whether a change of such a file is one of meaning, not of numbers."""
    return PurePosixPath(path).suffix.lower() in _CONFIGURATIONS


def facts_of(place: str, path: str) -> dict[str, str]:
    """The facts of a file; one fact, `unreadable`, where it is not what its name says."""
    suffix = PurePosixPath(path).suffix.lower()
    try:
        return dict(_READERS[suffix](place))
    except (JsonError, TensorsError, OSError, yaml.YAMLError, *_FAULTS) as error:
        told = " ".join(str(error).split())[:_LONGEST]
        return {"unreadable": told.encode("ascii", "backslashreplace").decode()}
    except RecursionError:
        return {"unreadable": "is nested too deeply"}


def _bytes(place: str) -> bytes:
    fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"is larger than {_MOST_BYTES >> 20} MiB")
    return data


def _of_json(place: str) -> Iterator[tuple[str, str]]:
    value = decode(_bytes(place))
    yield from _flat(value, "", 0)
    yield from _code_maps(value)


def _code_maps(value: object) -> Iterator[tuple[str, str]]:
    """What names code, wherever it stands, however wide or deep: a loader runs what it names."""
    waiting = [(value, "")]
    while waiting:
        inner, key = waiting.pop()
        if isinstance(inner, list):
            waiting += ((one, key) for one in inner if isinstance(one, dict | list))
        elif isinstance(inner, dict):
            for name, one in inner.items():
                if name in CODE_KEYS:
                    yield from _every(one, f"{key}{name}")
                elif isinstance(one, dict | list):
                    waiting.append((one, f"{key}{_part(name)}."))


def _every(told: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(told, dict):
        for name, value in told.items():
            yield from _every(value, f"{key}.{_part(name)}")
    elif isinstance(told, list):
        for at, value in enumerate(told):
            yield from _every(value, f"{key}[{at}]")
    else:
        yield key, json.dumps(told)[:_LONGEST_REFERENCE]


def _of_yaml(place: str) -> Iterator[tuple[str, str]]:
    text = _bytes(place)
    if len(text) > 1 << 20:
        raise ValueError("is larger than 1 MiB")
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
        raise ValueError("has aliases, by which few bytes become many")
    return _flat(yaml.safe_load(text), "", 0)


def _of_text(place: str) -> Iterator[tuple[str, str]]:
    yield "text", _text(_bytes(place).decode("utf-8", "backslashreplace"))


def _flat(value: object, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """Leaves by dotted key; a subtree that is wide or deep is one leaf, told by its digest."""
    widest = _WIDEST if depth else _WIDEST_TOP
    if isinstance(value, dict) and 0 < len(value) <= widest and depth < _DEEPEST:
        for name, inner in value.items():
            # YAML has keys of other types: 1 and "1" are two.
            part = _part(name if isinstance(name, str) else f"{type(name).__name__}({name})")
            yield from _flat(inner, f"{key}.{part}" if key else part, depth + 1)
    elif isinstance(value, list) and 0 < len(value) <= _WIDEST and depth < _DEEPEST:
        for at, inner in enumerate(value):
            yield from _flat(inner, f"{key}[{at}]", depth + 1)
    elif isinstance(value, str) and key.split(".")[-1].split("[")[0] in _TEMPLATES:
        yield key, _text(value)
    else:
        yield key or ".", _leaf(value)


def _part(name: str) -> str:
    """A key as it stands in a dotted one: two keys never look the same."""
    if name.isascii() and name.replace("_", "").replace("-", "").isalnum():
        return name if len(name) <= _LONGEST else _short(name)
    told = json.dumps(name)
    return told if len(told) <= _LONGEST else _short(name)


def _short(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{json.dumps(name[:40])}...{digest}"


def _leaf(value: object) -> str:
    told = json.dumps(value, sort_keys=True, default=str)
    if len(told) <= _LONGEST:
        return told
    count = f"{len(value):,} members, " if isinstance(value, dict | list) else ""
    return f"{count}sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def _text(value: str) -> str:
    if len(value) <= _LONGEST_TEXT:
        return json.dumps(value)
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{len(value):,} characters, sha256:{digest}"


_READERS = {
    ".json": _of_json,
    ".yaml": _of_yaml,
    ".yml": _of_yaml,
    ".jinja": _of_text,
    ".jinja2": _of_text,
    ".j2": _of_text,
    ".safetensors": tensor_facts,
}
_CONFIGURATIONS = frozenset(_READERS) - {".safetensors"}
