"""What pydantic tells of a file's data, as faults at their places, with hints for people."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tyrian.core.yaml_source import KeyPath, Plain, Source
from tyrian.errors import FileError

Fault = TypeVar("Fault", bound=FileError)

NAME_HELP = "it must be 1 to 64 letters, digits, '_', '-' or '.'"
_NO_HELP: Mapping[str, str] = MappingProxyType({})
_LIST, _KEYS = "a list, such as [one, two]", "a mapping of keys"
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "dict_type": _KEYS,
}
"""What a value must be, by pydantic's name of the fault."""


def model_faults(
    source: Source[Fault],
    error: ValidationError,
    model: type[BaseModel],
    pattern_help: Mapping[str, str] = _NO_HELP,
) -> Iterator[tuple[str, Fault]]:
    """Each fault with the unknown key that it is about ('' for other faults), missing keys last.

    `pattern_help` says, by key, what a text must be that does not fit its pattern.
    """
    details = error.errors(include_input=False, include_url=False)
    for detail in sorted(details, key=lambda detail: detail["type"] == "missing"):
        path = _path(source, detail["loc"])
        key = str(detail["loc"][-1]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            hint = near(key, _fields_at(model, detail["loc"][:-1]))
            yield key, source.error(f"unknown key {shown(key)}", path, hint=hint, of_key=True)
        elif detail["type"] == "missing":
            yield "", source.error(f"the key {key!r} is missing", path, hint=f"add `{key}:` here")
        else:
            found = _value_at(source, path)
            hint = "write it in quotes" if _is_bare(detail, found) else ""
            yield "", source.error(_told(detail, path, found, pattern_help), path, hint=hint)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Faults as they stand in the file, one for each place."""
    by_place = {(fault.line, fault.column): fault for fault in reversed(list(faults))}
    return [by_place[place] for place in sorted(by_place)]


def near(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    words = list(known)
    found = get_close_matches(word.lower(), words, n=1, cutoff=0.55)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(words) or 'none'}"


def shown(word: str) -> str:
    """A word of the file for a message."""
    return repr(word if len(word) <= 60 else word[:57] + "...")


def _value_at(source: Source[Fault], path: KeyPath) -> Plain:
    found: Plain = source.data
    for part in path:
        if isinstance(found, dict):
            found = found.get(str(part))
        elif isinstance(found, list) and isinstance(part, int):
            found = found[part]
    return found


def _is_bare(detail: ErrorDetails, found: Plain) -> bool:
    """True for a text that YAML reads as something else, since it has no quotes."""
    return detail["type"] == "string_type" and isinstance(found, (bool, int, float))


def _kind(found: Plain) -> str:
    match found:
        case None:
            return "nothing"
        case bool():
            return str(found).lower()
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "a mapping of keys"


def _told(
    detail: ErrorDetails, path: KeyPath, found: Plain, pattern_help: Mapping[str, str]
) -> str:
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    message = detail["msg"].removeprefix("Value error, ")
    wanted = _WANTED.get(detail["type"])
    if wanted is not None:
        message = f"it must be {wanted}, not {_kind(found)}"
    elif detail["type"] == "string_pattern_mismatch":
        message = pattern_help.get(name, message)
    else:
        message = message.replace("Input should be", "it must be", 1)
    return f"{name}: {message}"


def _path(source: Source[Fault], loc: tuple[str | int, ...]) -> KeyPath:
    """The part of an error's location that stands in the file (unions add words of their own)."""
    path: KeyPath = ()
    for part in loc:
        if (*path, part) in source.values:
            path = (*path, part)
    return path


def _fields_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
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
