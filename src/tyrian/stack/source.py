"""YAML text of a stack file to plain data, with the place of every key and value."""

from typing import TypeAlias

from tyrian.core.yaml_source import KeyPath, Plain, read_yaml
from tyrian.core.yaml_source import Source as YamlSource
from tyrian.errors import StackError

__all__ = ["KeyPath", "Plain", "Source", "read_source"]

Source: TypeAlias = YamlSource[StackError]

_START = "a stack starts with 'agent:'; `tyrian stack explain` without a file shows a whole one"


def read_source(text: str, file: str) -> Source:
    """Read YAML text whose top is a mapping; StackError tells where it is not what it must be."""
    return read_yaml(text, file, StackError, kind="stack", start=_START)
