"""The YAML of rule files: what it says, and on which line."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from tyrian.errors import ConfigError

if TYPE_CHECKING:
    import yaml

_EXAMPLES = re.compile(r"^    (?:good|bad):.*\n(?:(?: {5,}.*| {4}- .*)?\n)*+", re.MULTILINE)
"""Examples of a rule whose keys stand four blanks from the margin."""


def read_yaml(text: str, file: str) -> object:
    """What a text says; ConfigError names `file` and the line where it is no YAML."""
    # The library takes longer to load than the built-in rules of a language, which do without it.
    import yaml

    # Both are safe loaders; the first one is written in C.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data: object = yaml.load(text, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it is no YAML"
        raise ConfigError(f"{file}:{line}: {problem}") from None
    return data


def without_examples(text: str) -> str:
    """The text of a rule file without the examples of its rules, which take long to read."""
    return _EXAMPLES.sub("", text)


@lru_cache(maxsize=1)
def _composed(text: str) -> "yaml.Node | None":
    import yaml

    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def line_of(text: str, path: Sequence[object]) -> int:
    """The line (from 1) of the deepest part of `path` that the text has."""
    import yaml

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
