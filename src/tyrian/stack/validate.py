"""From plain data to a Stack; every fault as a StackError at its place, with a hint."""

import json
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tyrian.errors import StackError
from tyrian.stack.schema import GuardSpec, Stack
from tyrian.stack.source import KeyPath, Plain, Source

SECRET_KEY = re.compile(
    r"(?:.*[_-])?(?:api[_-]?key|apikey|token|secret|password|passwd|credentials?|authorization|bearer)",
    re.IGNORECASE,
)


def to_stack(source: Source) -> Stack:
    """The Stack of a source; an ExceptionGroup of StackErrors where it is faulty."""
    faults = list(_literal_secrets(source, (), source.data))
    try:
        text = json.dumps(source.data)
        stack = Stack.model_validate_json(text, strict=True)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        faults.extend(_faults(source, details))
        raise ExceptionGroup("stack", in_order(faults)) from None
    if faults:
        raise ExceptionGroup("stack", in_order(faults))
    return stack


def in_order(faults: Iterable[StackError]) -> list[StackError]:
    """Faults as they stand in the file, one for each place."""
    by_place = {(fault.line, fault.column): fault for fault in reversed(list(faults))}
    return [by_place[place] for place in sorted(by_place)]


def near(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    words = list(known)
    found = get_close_matches(word.lower(), words, n=1, cutoff=0.55)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(words)}"


def _faults(source: Source, details: Iterable[ErrorDetails]) -> Iterator[StackError]:
    missing_last = sorted(details, key=lambda detail: detail["type"] == "missing")
    for detail in missing_last:
        path = _path(source, detail["loc"])
        key = str(detail["loc"][-1]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            if SECRET_KEY.fullmatch(key):
                continue  # told already, with a better hint
            hint = near(key, _fields_at(detail["loc"][:-1]))
            yield source.error(f"unknown key {_cut(key)}", path, hint=hint, of_key=True)
        elif detail["type"] == "missing":
            yield source.error(f"the key {key!r} is missing", path, hint=f"add `{key}:` here")
        else:
            yield source.error(*_told(detail, path))


def _told(detail: ErrorDetails, path: KeyPath) -> tuple[str, KeyPath]:
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in ("tuple_type", "list_type"):
        message = "it must be a list, such as [one, two]"
    elif detail["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "it must be a mapping of keys"
    elif detail["type"] == "string_pattern_mismatch":
        message = _PATTERN_HELP.get(name, message)
    else:
        message = message.replace("Input should be", "it must be", 1)
    return f"{name}: {message}", path


_PATTERN_HELP = {
    "url": "it must be an http(s) address without a user name or key in it",
    "base_url": "it must be an http(s) address without a user name or key in it",
    "api_key_env": "it must be the name of an environment variable, never the key itself",
    "id": "it must be 1 to 64 letters, digits, '_', '-' or '.'",
}


def _path(source: Source, loc: tuple[str | int, ...]) -> KeyPath:
    """The part of an error's location that stands in the file (unions add words of their own)."""
    path: KeyPath = ()
    for part in loc:
        if (*path, part) in source.values:
            path = (*path, part)
    return path


def _fields_at(loc: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Stack
    for part in loc:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        inner = _model_in(field.annotation) if field else None
        if inner is not None:
            model = inner
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)


_OPEN_MAPPINGS = frozenset({"threshold", "models"})
"""Mappings whose keys are the user's own words."""


def _literal_secrets(source: Source, path: KeyPath, data: Plain) -> Iterator[StackError]:
    """Keys that would hold a secret: the file is shared and stored, so none may stand in it."""
    if isinstance(data, list):
        for index, value in enumerate(data):
            yield from _literal_secrets(source, (*path, index), value)
    if not isinstance(data, dict):
        return
    is_open = bool(path) and path[-1] in _OPEN_MAPPINGS
    for key, value in data.items():
        if SECRET_KEY.fullmatch(key) and not is_open and key not in GuardSpec.model_fields:
            hint = "put it into an environment variable and name that one: api_key_env: MY_KEY"
            message = f"{_cut(key)} would put a secret into the stack file"
            yield source.error(message, (*path, key), hint=hint, of_key=True)
        else:
            yield from _literal_secrets(source, (*path, key), value)


def _cut(word: str) -> str:
    return repr(word if len(word) <= 60 else word[:57] + "...")
