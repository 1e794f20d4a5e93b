"""From plain data to a Stack; every fault as a StackError at its place, with a hint."""

import json
import re
from collections.abc import Iterator

from pydantic import ValidationError

from tyrian.core.model_faults import NAME_HELP, in_order, model_faults, shown
from tyrian.errors import StackError
from tyrian.stack.guards import GuardSpec
from tyrian.stack.schema import Stack
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
        found = model_faults(source, error, Stack, _PATTERN_HELP)
        # Unknown keys that look like secrets are told already, with a better hint.
        faults.extend(fault for key, fault in found if not SECRET_KEY.fullmatch(key))
        raise ExceptionGroup("stack", in_order(faults)) from None
    if faults:
        raise ExceptionGroup("stack", in_order(faults))
    return stack


_PATTERN_HELP = {
    "url": "it must be an http(s) address without a user name or key in it",
    "base_url": "it must be an http(s) address without a user name or key in it",
    "api_key_env": "it must be the name of an environment variable, never the key itself",
    "id": NAME_HELP,
}


_OPEN_MAPPINGS = frozenset({"threshold", "models", "hosts", "mounts", "split"})
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
            message = f"{shown(key)} would put a secret into the stack file"
            yield source.error(message, (*path, key), hint=hint, of_key=True)
        else:
            yield from _literal_secrets(source, (*path, key), value)
