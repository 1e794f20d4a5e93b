"""Which paths of this machine a sandbox shows, from the `fs` section of the policy.

A glob `/dir/**` and a plain path become a mount of that directory or file. Any other glob becomes
the mounts of what it matches now, since no mount can stand for names to come. What `fs.deny` names
below a mount, files with a second name elsewhere, and sockets, pipes and devices are covered up.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tyrian.errors import ConfigError
from tyrian.policy.glob import GlobSet, is_literal, literal_base
from tyrian.policy.lookalike import skeleton
from tyrian.policy.schema import FsSpec

MOST_MATCHES = 1000


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A directory or file of this machine, at a path of the sandbox."""

    inside: str
    host: Path
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the policy's paths the sandbox shows."""

    mounts: tuple[Mount, ...] = ()
    """Parents before what lies in them."""
    covered: tuple[str, ...] = ()
    """Paths below the mounts that are covered up."""
    special: tuple[str, ...] = ()
    """Those of them that are sockets, pipes or devices."""
    notes: tuple[str, ...] = ()
    """What a person should know: paths that are missing, globs that only hold for what is there."""


def shown_by(fs: FsSpec | None, mounts: Mapping[str, Path]) -> Shown:
    """The mounts of a policy; without one, the stack's own mounts to be read.

    `mounts` maps paths of the sandbox to directories of this machine. ConfigError for a glob that
    would show the whole machine, or that matches too much.
    """
    if fs is None:
        only = tuple(Mount(inside, host.resolve(), False) for inside, host in mounts.items())
        return Shown(tuple(sorted(only)))
    notes: list[str] = []
    found: dict[str, Mount] = {}
    for is_writable, globs in ((False, fs.read), (True, fs.write)):
        for glob in globs:
            for mount in _mounts_of(glob.rstrip("/") or "/", is_writable, mounts, notes):
                found[mount.inside] = mount
    kept = tuple(_needed(sorted(found.values())))
    special: list[str] = []
    covered = sorted(_covered(fs, kept, special))
    return Shown(kept, tuple(covered), tuple(special), tuple(notes))


def _mounts_of(
    glob: str, is_writable: bool, mounts: Mapping[str, Path], notes: list[str]
) -> Iterator[Mount]:
    base = glob.removesuffix("/**")
    if not glob.startswith("/") or not base or base == "/":
        raise ConfigError(
            f"fs glob {glob!r} would show the whole machine to the sandbox",
            hint="name the directories, such as /workspace/**",
        )
    if is_literal(base):
        host = _host_path(base, mounts)
        if host.exists():
            yield Mount(base, host.resolve(), is_writable)
        else:
            notes.append(f"{base} is not there, so the sandbox does not show it")
        return
    matches = 0
    pattern = GlobSet.of([glob])
    for path in _walk(literal_base(glob), mounts):
        if pattern.matches(path):
            matches += 1
            if matches > MOST_MATCHES:
                raise ConfigError(
                    f"fs glob {glob!r} matches more than {MOST_MATCHES} files",
                    hint="name their directory as /dir/**",
                )
            yield Mount(path, _host_path(path, mounts).resolve(), is_writable)
    notes.append(f"{glob} holds in the sandbox for the {matches} files that are there now")


def _host_path(inside: str, mounts: Mapping[str, Path]) -> Path:
    """Where a path of the sandbox lies on this machine."""
    for at in sorted(mounts, key=len, reverse=True):
        root = at.rstrip("/")
        if inside == root or inside.startswith(root + "/"):
            return mounts[at] / inside[len(root) + 1 :]
    return Path(inside)


def _walk(root: str, mounts: Mapping[str, Path]) -> Iterator[str]:
    """Paths of the sandbox below a directory, directories as well, links not followed."""
    host = _host_path(root, mounts)
    for directory, names, files in os.walk(host, onerror=_unreadable):
        inside = root.rstrip("/") + str(directory)[len(str(host)) :]
        for name in (*names, *files):
            yield f"{inside}/{name}"


def _needed(mounts: Sequence[Mount]) -> Iterator[Mount]:
    """Without those that a mount above them, with no fewer rights, shows already."""
    above: list[Mount] = []
    for mount in mounts:
        while above and not mount.inside.startswith(above[-1].inside + "/"):
            above.pop()
        is_below = (
            bool(above) and mount.host == above[-1].host / mount.inside[len(above[-1].inside) + 1 :]
        )
        if is_below and (above[-1].is_writable or not mount.is_writable):
            continue
        above.append(mount)
        yield mount


def _covered(fs: FsSpec, mounts: Sequence[Mount], special: list[str]) -> Iterator[str]:
    """What is covered up; sockets and the like are noted as special."""
    denied = GlobSet.of((skeleton(glob) for glob in fs.deny), is_deny=True)
    links: dict[tuple[int, int], set[str]] = {}
    counts: dict[tuple[int, int], int] = {}
    stack = [(mount.inside, str(mount.host)) for mount in mounts]
    while stack:
        inside, host = stack.pop()
        status = os.lstat(host)
        if denied.matches(skeleton(inside)):
            yield inside
        elif stat.S_ISDIR(status.st_mode):
            names = _names_in(host)
            stack += [(f"{inside}/{name}", f"{host}/{name}") for name in names]
        elif stat.S_ISREG(status.st_mode):
            if status.st_nlink > 1:
                key = status.st_dev, status.st_ino
                links.setdefault(key, set()).add(inside)
                counts[key] = status.st_nlink
        elif not stat.S_ISLNK(status.st_mode):  # inside, a link leads where the sandbox leads
            special.append(inside)
            yield inside
    if fs.hard_links != "allow":
        for key, paths in links.items():
            if len(paths) < counts[key]:
                yield from paths


def _names_in(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except PermissionError:
        return []


def _unreadable(error: OSError) -> None:
    if not isinstance(error, PermissionError | FileNotFoundError):
        raise error
