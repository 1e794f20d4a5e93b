"""From the values of an argument to the kind that judges it most narrowly."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from importlib.util import find_spec
from urllib.parse import urlsplit

from tyrian.policy.learn.seen import SeenTool

_WRITE_WORDS = "write save delete remove create edit append move rename mkdir put patch update"
WRITES = frozenset(_WRITE_WORDS.split())
_PATH_WORDS = "path file filename filepath dir directory folder src dst root cwd workdir"
_PATH_NAMES = frozenset(_PATH_WORDS.split())
_SHELL_NAMES = frozenset(("command", "cmd", "bash", "shell"))
_SQL_NAMES = frozenset(("sql", "query", "statement"))
_SQL_START = re.compile(r"\s*(?:select|insert|update|delete|with|create|drop|alter)\b", re.I)
_WORD = re.compile(r"[A-Za-z][a-z]*|[0-9]+")
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_MAX_ENUM = 5
_LEAST_ENUM = 3
"""So often must each value have been seen, on average, to be taken for one of a few."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A kind, and what it takes for it to allow the values seen."""

    kind: str
    """Of the policy file (`fs:read`, `net` ...), or text, number, enum, boolean, opaque."""
    is_list: bool = False
    values: tuple[object, ...] = ()


def words(name: str) -> list[str]:
    """The words of a name such as `file_path` or `filePath`."""
    return [word.lower() for word in _WORD.findall(name)]


def guess(tool: SeenTool, argument: str) -> Guess:
    """The narrowest kind for an argument."""
    given = tool.values[argument]
    if all(isinstance(value, list) for value in given):
        items = [item for value in given if isinstance(value, list) for item in value]
        found = _of_values(tool, argument, items) if items else Guess("opaque")
        if found.kind == "opaque":
            return found
        if found.kind == "email":  # a kind that takes lists by itself
            return found
        return Guess(found.kind, True, found.values)
    return _of_values(tool, argument, given)


def _of_values(tool: SeenTool, argument: str, given: Sequence[object]) -> Guess:
    values = tuple(given)
    if all(isinstance(value, bool) for value in values):
        return Guess("boolean", False, values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Guess("number", False, values)
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(values):
        return Guess("opaque", False, values)
    return Guess(_of_texts(tool, argument, texts), False, values)


def _of_texts(tool: SeenTool, argument: str, texts: list[str]) -> str:
    names = set(words(argument))
    if all(re.match(r"https?://\S+\Z", text) for text in texts):
        return "net"
    if all(_are_addresses(text) for text in texts):
        return "email"
    if names & _SHELL_NAMES and all(programs([text]) for text in texts):
        return "shell"
    if names & _SQL_NAMES and find_spec("sqlglot") and all(map(_SQL_START.match, texts)):
        return "sql"
    if _are_paths(names, texts):
        return "fs:write" if WRITES & set(words(tool.name)) else "fs:read"
    distinct = set(texts)
    is_closed = len(distinct) <= _MAX_ENUM and len(texts) >= _LEAST_ENUM * len(distinct)
    if is_closed and all(re.fullmatch(r"[\w.-]{1,32}", text) for text in distinct):
        return "enum"
    return "text"


def _are_addresses(text: str) -> bool:
    found = [address for _, address in getaddresses([text])]
    return bool(found) and all(_MAIL.fullmatch(address) for address in found)


def _are_paths(names: set[str], texts: list[str]) -> bool:
    if any(not text or "\n" in text or "://" in text for text in texts):
        return False
    looks_so = all(re.match(r"(?:/|\./|\.\./)[^\s]*\Z", text) for text in texts)
    return looks_so or bool(names & _PATH_NAMES)


def addresses(values: Iterable[object]) -> list[str]:
    """All addresses in values of the kind `email`."""
    texts = [value for value in values if isinstance(value, str)]
    return sorted({address.lower() for _, address in getaddresses(texts) if address})


def recipients(values: Iterable[object]) -> int:
    """Most recipients in one value."""
    lists = [value if isinstance(value, list) else [value] for value in values]
    return max(
        (len(getaddresses([v for v in one if isinstance(v, str)])) for one in lists), default=1
    )


def places(values: Iterable[object]) -> tuple[set[str], set[str], set[int]]:
    """Hosts, schemes and ports in values of the kind `net`."""
    hosts: set[str] = set()
    schemes: set[str] = set()
    ports: set[int] = set()
    for value in values:
        try:
            parts = urlsplit(str(value))
            port = parts.port
        except ValueError:
            continue
        if parts.hostname:
            hosts.add(parts.hostname.lower())
            schemes.add(parts.scheme.lower())
            ports.add(port or (443 if parts.scheme.lower() == "https" else 80))
    return hosts, schemes, ports


def programs(values: Iterable[object]) -> set[str]:
    """The programs in values of the kind `shell`."""
    found = set()
    for value in values:
        try:
            parts = shlex.split(str(value))
        except ValueError:
            continue
        if parts and re.fullmatch(r"[\w./+-]+", parts[0]):
            found.add(parts[0])
    return found


MAX_DIRECTORIES = 8


def globs(values: Iterable[object], cwd: str) -> list[str]:
    """Directories of paths, as globs: the files in each, or all below what many have in common."""
    folders = {
        posixpath.dirname(posixpath.normpath(posixpath.join(cwd, str(value)))) for value in values
    }
    while len(folders) > MAX_DIRECTORIES:
        deepest = max(folders, key=lambda folder: (folder.count("/"), folder))
        above = posixpath.dirname(deepest)
        if above == "/":
            break
        folders = {f for f in folders if not f.startswith(f"{above}/")} | {f"{above}/**"}
    found = sorted(f if f.endswith("/**") else f"{f.rstrip('/')}/*" for f in folders)
    return [glob for glob in found if not _is_covered(glob, found)]


def _is_covered(glob: str, globs_: list[str]) -> bool:
    return any(
        other != glob and other.endswith("/**") and glob.startswith(other.removesuffix("**"))
        for other in globs_
    )
