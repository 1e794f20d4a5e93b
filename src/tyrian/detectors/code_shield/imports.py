"""Names by which modules and functions are known in a fragment."""

import re
from collections.abc import Iterator
from functools import lru_cache

from tyrian.detectors.code_shield.assignments import Assigned
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.syntax import Syntax

_SEPARATOR = re.compile(r"\s*(?:::|->|\?\.|\\|/|\.)\s*")
_NAMED = re.compile(r"([\w$*]+)(?:[ \t\n]*(?:\bas\b|:)[ \t\n]*([\w$]+))?")
_MODULE = re.compile(r"([\w.]+)(?:[ \t]+as[ \t]+(\w+))?")
_PATH = r"[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)"
_WRAPPED = r"(?:\w+\.)?(?:promisify|pify|sync_to_async)\s*\("
"""Functions that give a function back which does what the one does that they are given."""
_DOTTED = re.compile(rf"\s*(?:({_PATH}+)|{_WRAPPED}\s*({_PATH}*)\s*\))\s*\Z")
_RENAMED = re.compile(
    r"=\s*+(?:[A-Za-z_$][\w$]*+(?:(?:\.|::|->)[A-Za-z_$][\w$]*+)++"
    r"(?=\s*+(?:[;,)\]}]|\Z)|[^\S\n]*+\n)"
    rf"|{_WRAPPED})"
)
"""Wherever the value of an assignment may be the path of a function, and nothing else."""
_TAKERS = frozenset({"require", "import", "", "__import__", "import_module"})
_TAKEN = re.compile(
    r"\(?\s*(?:await\s+)?(?:require|import|__import__|(?:importlib\.)?import_module)\s*\(\s*(?=\")"
)
_MOST_HOPS = 4


class Aliases:
    """From the names of a fragment to those that rules know."""

    def __init__(self, fragment: Fragment) -> None:
        self.paths: dict[str, str] = {}
        self._fragment = fragment
        self._roots = fragment.syntax.roots
        self._has_renamed = _RENAMED.search(fragment.code) is not None
        words = fragment.syntax.import_words
        if words and words.isdisjoint(fragment.words):
            return
        for word, pattern in _patterns(fragment.syntax):
            if word and word not in fragment.words:
                continue
            for match in pattern.finditer(fragment.code):
                if not fragment.budget.spend(2):
                    return
                self._take(match)

    def _take(self, match: re.Match[str]) -> None:
        groups = match.groupdict()
        if groups.get("modules"):
            for path, alias in _MODULE.findall(groups["modules"]):
                if alias:
                    self.paths[alias] = path
            return
        path = self._path(match, groups)
        if groups.get("names"):
            for name, alias in _NAMED.findall(groups["names"]):
                if name != "*":
                    self.paths[alias or name] = f"{path}.{name}"
        elif groups.get("name"):
            name = normal(groups["name"])
            alias = groups.get("alias") or name.rpartition(".")[2]
            self.paths[alias] = f"{path}.{name}" if path else name
        elif groups.get("alias"):
            self.paths[groups["alias"]] = path

    def _path(self, match: re.Match[str], groups: dict[str, str | None]) -> str:
        path = groups.get("path") or ""
        if path.startswith('"'):
            return self._module(*match.span("path"))
        return normal(path.strip("./"))

    def _module(self, start: int, end: int) -> str:
        """The module that a string names."""
        path = self._fragment.lexed.text[start + 1 : end - 1].removeprefix("node:")
        return normal(path.strip("./"))

    def of_calls(self, fragment: Fragment) -> Iterator[tuple[str, str]]:
        """Single names that stand for a path: imported, or assigned without being called."""
        yield from self.paths.items()
        if not self._has_renamed:
            return
        for name, assigned in fragment.assigned.items():
            if name in self.paths or "." in name:
                continue
            value = _function_in(fragment.code, assigned[0])
            if value:
                yield name, value

    def taken_in(self, chain: str, place: int) -> str:
        """The chain at `place` with a module's name for the call that takes the module in.

        `require("m").f` is `m.f`, and so is `(await import("m")).f`.
        """
        head, _, rest = chain.partition("().")
        if not rest or head.removeprefix("importlib.") not in _TAKERS:
            return chain
        match = _TAKEN.match(self._fragment.code, place)
        index = self._fragment.string_at(match.end()) if match else -1
        if index < 0:
            return chain
        token = self._fragment.lexed.strings[index]
        return f"{self._module(token.start, token.end)}.{rest}"

    def resolve(self, chain: str, fragment: Fragment) -> str:
        """The chain with its first part as it was imported, and without the roots."""
        for _ in range(_MOST_HOPS):
            first, dot, rest = chain.partition(".")
            path = self.paths.get(first) or self._assigned(first, fragment, is_alone=not dot)
            if path is None or path in (chain, first):
                break
            chain = f"{path}{dot}{rest}"
        first, dot, rest = chain.partition(".")
        while dot and first in self._roots:
            chain = rest
            first, dot, rest = chain.partition(".")
        return chain.lower() if fragment.syntax.ignores_case else chain

    def _assigned(self, name: str, fragment: Fragment, *, is_alone: bool) -> str | None:
        """What a name stands for where it was given that of a function."""
        if not is_alone or not self._has_renamed:
            return None
        known = fragment.assigned.get(name)
        if not known:
            return None
        return _function_in(fragment.code, known[0])


def _function_in(code: str, one: Assigned) -> str | None:
    """The path of the function that is the value of an assignment, bare or wrapped."""
    value = _DOTTED.match(code, one.start, one.end)
    return normal(value[1] or value[2]) if value else None


@lru_cache(maxsize=32)
def _patterns(syntax: Syntax) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The expressions for imports, each with the word without which it cannot match."""
    found = []
    for pattern in syntax.imports:
        words = [word for word in syntax.import_words if word in pattern]
        word = words[0] if len(words) == 1 else ""
        found.append((word, re.compile(pattern, re.MULTILINE)))
    return tuple(found)


def normal(path: str) -> str:
    """A path with `.` between its parts."""
    if path.replace(".", "").isidentifier():
        return path.strip(".")
    return _SEPARATOR.sub(".", path.strip()).strip(".")
