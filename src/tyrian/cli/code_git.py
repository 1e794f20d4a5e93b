"""What git knows of a directory: its files, and the lines that changed since a revision."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tyrian.errors import ConfigError, MissingDependencyError

Ranges = tuple[tuple[int, int], ...]
"""First and last line (from 1) of each run of lines."""
ALL_LINES: Ranges = ((1, 1 << 62),)

# A directory that was only unpacked must not get to run its own programs.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f",
            b"v": b"\v", b'"': b'"', b"\\": b"\\"}  # fmt: skip
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


def files_of(folder: Path) -> list[Path] | None:
    """Tracked and new files under `folder`, ignored ones left out.

    None outside a repository, and where the folder itself is ignored: who names it means it.
    """
    try:
        if _git(folder, "check-ignore", "-q", ".") is not None:
            return None
        out = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except MissingDependencyError:
        return None
    if out is None:
        return None
    return [folder / os.fsdecode(name) for name in sorted(set(out.split(b"\0"))) if name]


def changed_lines(folder: Path, revision: str) -> Mapping[Path, Ranges]:
    """Lines of each file of the repository that `revision` does not have; new files whole.

    ConfigError outside a repository and for an unknown revision.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        raise ConfigError(f"{str(folder)!r} is in no git repository", hint="leave --since out")
    root = Path(os.fsdecode(top.removesuffix(b"\n"))).resolve()
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{tree}"
    )
    if commit is None:
        raise ConfigError(f"git does not know the revision {revision!r}")
    diff = _git(
        root, "diff", "-U0", "-M", "--no-color", "--no-ext-diff", "--no-textconv",
        "--src-prefix=a/", "--dst-prefix=b/", commit.decode().strip(), "--",
    )  # fmt: skip
    others = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    if diff is None or others is None:
        raise ConfigError(f"git cannot compare {revision!r} with the files")
    changed = {root / name: ranges for name, ranges in parse_diff(diff)}
    changed |= {root / os.fsdecode(name): ALL_LINES for name in others.split(b"\0") if name}
    return changed


def parse_diff(diff: bytes) -> Iterator[tuple[str, Ranges]]:
    """Each file of a unified diff without context, with the lines that the new side has alone."""
    name: str | None = None
    ranges: list[tuple[int, int]] = []
    to_skip = 0
    for line in diff.split(b"\n"):
        if to_skip and line[:1] in (b"+", b"-"):
            to_skip -= 1
        elif line.startswith(b"diff --git "):
            if name is not None:
                yield name, tuple(ranges)
            name, ranges = None, []
        elif line.startswith(b"+++ "):
            name = _name(line[4:])
        elif hunk := _HUNK.match(line):
            old, new = (int(hunk[n] or 1) if hunk[n] != b"0" else 0 for n in (1, 3))
            to_skip = old + new
            if new:
                ranges.append((int(hunk[2]), int(hunk[2]) + new - 1))
    if name is not None:
        yield name, tuple(ranges)


def _name(field: bytes) -> str | None:
    field = field.removesuffix(b"\t")
    if field.startswith(b'"') and field.endswith(b'"'):
        field = _ESCAPE.sub(_unescaped, field[1:-1])
    return os.fsdecode(field[2:]) if field.startswith(b"b/") else None


def _unescaped(match: re.Match[bytes]) -> bytes:
    found = match[1]
    return bytes([int(found, 8)]) if len(found) == 3 else _ESCAPES.get(found, found)


def _git(folder: Path, *args: str) -> bytes | None:
    """What git prints; None where it refuses."""
    command: Sequence[str] = ("git", *_SAFE, "-C", str(folder), *args)
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, env=env, check=False)  # noqa: S603
    except FileNotFoundError:
        raise MissingDependencyError("git is not installed", hint="install git") from None
    return done.stdout if done.returncode == 0 else None
