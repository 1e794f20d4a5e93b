"""YAML and JSON documents as plain data, with the line of every value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tyrian.supply.gate.rules import Loader

KeyPath = tuple[str | int, ...]
MOST_NODES = 200_000
_DEEPEST = 64
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)


class DocumentError(ValueError):
    """A text that is no YAML, or one that grows beyond all measure."""


@dataclass(slots=True)
class Document:
    """One document of a file."""

    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, *path: str | int) -> int:
        """The line of a value, or of the nearest one above it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def read_documents(text: str) -> list[Document]:
    """Every document of a YAML text; DocumentError where it is none."""
    try:
        nodes = list(yaml.compose_all(text, Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f"line {mark.line + 1}: " if mark is not None else ""
        told = getattr(error, "problem", "") or type(error).__name__
        raise DocumentError(f"{at}{told}") from None
    return [_document(node) for node in nodes if node is not None]


def read_json(text: str) -> Document:
    """One JSON text, with the comments and last commas that editors allow."""
    text = _COMMENT.sub(_blank, text.removeprefix("\ufeff"))
    text = _COMMA.sub(lambda found: found[1] or " ", text)
    documents = read_documents(text.replace("\t", " "))
    return documents[0] if documents else Document(None)


def _blank(found: re.Match[str]) -> str:
    """Blanks in place of a comment, so that lines stay what they are."""
    return found[1] or re.sub(r"[^\n]", " ", found[0])


def _document(node: yaml.Node) -> Document:
    document = Document(None)
    budget = [MOST_NODES]
    document.data = _plain(node, (), document, budget)
    return document


def _plain(node: yaml.Node, path: KeyPath, document: Document, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0 or len(path) > _DEEPEST:
        raise DocumentError("it grows beyond all measure when its aliases are followed")
    document.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name == "<<" and isinstance(value, yaml.MappingNode):
                found = {**_plain(value, path, document, budget), **found}
                continue
            found[name] = _plain(value, (*path, name), document, budget)
            document.lines[(*path, name)] = key.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(one, (*path, number), document, budget) for number, one in enumerate(node.value)
        ]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    """A scalar; what YAML takes for a date or an octal number stays text."""
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() in ("true", "yes", "on")
        case "int" if text.isdigit():
            return int(text)
    return text


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> Iterator[str]:
    """The texts of a list, or of one text that holds words."""
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list):
        for one in value:
            if one is not None and not isinstance(one, dict | list):
                yield str(one)
