"""The files that the gate looks at, and patterns of paths."""

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

MOST_BYTES = 4 << 20
_LEFT_OUT = frozenset(
    {
        *(".git", ".hg", ".svn", "node_modules", ".venv", "venv", "env", "site-packages"),
        *("__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".eggs"),
        *("dist", "build", ".next", "vendor", "third_party", ".terraform"),
    }
)
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|__tests__|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$"
    r"|\.(?:test|spec)\.[cm]?[jt]sx?$"
)
_ENDINGS = (
    *(".py", ".yaml", ".yml", ".json", ".toml", ".txt", ".in", ".lock", ".env"),
    *(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"),
)


def files_below(root: Path, exclude: Sequence[str]) -> Iterator[str]:
    """Files of the kinds that are read, in order; links are not followed."""
    for folder, folders, names in os.walk(root):
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        folders[:] = sorted(
            one
            for one in folders
            if one not in _LEFT_OUT
            and not (Path(folder) / one / "pyvenv.cfg").exists()
            and not is_matched((here / one).as_posix(), exclude)
        )
        for name in sorted(names):
            path = (here / name).as_posix()
            if is_read(name) and not is_matched(path, exclude) and not is_test(path):
                yield path


def is_read(name: str) -> bool:
    """Whether files of that name are looked at."""
    return name.endswith(_ENDINGS) or name.startswith(".env")


def is_test(path: str) -> bool:
    """Whether a file is a test of the program, which is not shipped."""
    return bool(_TESTS.search(path))


def is_matched(path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns fits a path or a folder above it."""
    return any(_compiled(one).fullmatch(path) for one in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`**` is any number of folders, `*` and `?` stay within one; a folder holds what is in it."""
    out = ""
    at = 0
    pattern = pattern.removeprefix("./").rstrip("/")
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + "[^/]", at + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return re.compile(out + "(?:/.*)?")
