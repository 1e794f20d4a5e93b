"""Which files of a large project are worth reading: those of models, and what they lean on."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from tyrian.supply.gate.python.frameworks import HOMES

_SPEAKS = re.compile(
    rf"^[ \t]*(?:from|import)[ \t]+(?:{'|'.join(sorted(HOMES))})"
    r"|llamafirewall|/chat/completions|/v1/(?:responses|messages)|/api/(?:chat|generate)\b"
    r"|trust_remote_code|require_approval",
    re.MULTILINE,
)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
_WORD = re.compile(r"\w+")
_ROUNDS = 3
"""Files between one that speaks of models and one that is read because of it."""


def speaks_of_models(text: str) -> bool:
    """Whether a file imports what has to do with models, or asks one by hand."""
    return bool(_SPEAKS.search(text))


def select(texts: Mapping[str, str], seeds: set[str]) -> set[str]:
    """The seeds, what imports them, and what these import, as far as names tell."""
    by_name: dict[str, set[str]] = {}
    for path in texts:
        by_name.setdefault(_module(path), set()).add(path)
    imported = {path: _imports(text) for path, text in texts.items()}
    chosen = set(seeds)
    for _ in range(_ROUNDS):
        names = {_module(path) for path in chosen}
        chosen |= {path for path, words in imported.items() if not names.isdisjoint(words)}
    for _ in range(_ROUNDS):
        words = set().union(*(imported[path] for path in chosen)) if chosen else set()
        chosen |= {path for word in words for path in by_name.get(word, ())}
    return chosen


def _module(path: str) -> str:
    """The name by which others import a file."""
    place = PurePosixPath(path)
    return place.parent.name if place.stem == "__init__" else place.stem


def _imports(text: str) -> set[str]:
    found: set[str] = set()
    for home, names, modules in _IMPORT.findall(text):
        found.update(_WORD.findall(f"{home} {names} {modules}"))
    return found
