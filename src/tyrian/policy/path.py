"""Paths: what the file system would make of one, and whether that lies where it may.

The canonical form is the physical path: absolute, with every link below an allowed root resolved
as the kernel would (`..` after a link is the parent of the link's target). Names on which file
systems, shells and libraries differ are refused rather than guessed at.
"""

import posixpath
import re

from tyrian.policy.glob import GlobSet, literal_base
from tyrian.policy.lookalike import folds_to_special, has_hidden, skeleton
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import FsSpec
from tyrian.policy.world import FileKind, World

MAX_LINKS = 40
"""As Linux: more links in one path are a loop."""
MAX_BYTES = 4096
MAX_NAME_BYTES = 255

_PLAIN = re.compile(
    r"(?!-)/?(?:(?:\.{1,2}|(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|\Z))"
    r"[A-Za-z0-9_.+=@-]*[A-Za-z0-9_+=@-])(?:/|\Z))*\Z"
)
"""Spellings that no two programs read differently, for one quick look."""
_UNCERTAIN = re.compile(r"""[\\%~$*?\[\]{}`"<>|:\x00-\x1f\x7f]""")
_WHY = {
    "\\": "a backslash, which is a separator on some systems",
    "%": "a percent sign, which some tools decode",
    "~": "a tilde, which some tools expand",
    "$": "a dollar sign, which some tools expand",
    "`": "a back-quote, which some tools run",
    ":": "a colon, which names a drive or a stream on some systems",
}
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:\..*)?\Z", re.I)
_SYSTEM = ("/proc/", "/sys/", "/dev/")
_MAGIC = re.compile(
    r"/proc/(?:self|thread-self|[0-9]+)(?:/|\Z)|/dev/(?:fd|std\w+|tty\w*|core)(?:/|\Z)"
)

_CHANGE = "name the file plainly, by its own path below an allowed root"


class PathRule:
    """Canonicalises and judges the paths of one access (read or write)."""

    def __init__(self, spec: FsSpec, cwd: str, *, is_write: bool) -> None:
        globs = spec.write if is_write else spec.read
        self.access = "write" if is_write else "read"
        self._cwd = cwd.rstrip("/")
        self._allowed = GlobSet.of(globs)
        self._denied = GlobSet.of((skeleton(g) for g in spec.deny), is_deny=True)
        self._trusted = _trusted(globs, spec.write)
        self._may_be_linked = spec.hard_links == "allow" or (
            spec.hard_links == "read" and not is_write
        )
        self._starts = tuple(f"{base}/" for base in sorted(self._trusted, key=len, reverse=True))
        self._system = tuple(base for base in map(literal_base, globs) if _is_system(base + "/"))

    def canonical(self, value: str, world: World) -> str:
        """The physical path; Refusal where it is uncertain, outside, or denied."""
        check_spelling(value)
        whole = value if value[0] == "/" else f"{self._cwd}/{value}"
        path, lexical = self._resolve(whole, world)
        self._judge(lexical)
        if path != lexical:
            self._judge(path)
        return path

    def _judge(self, path: str) -> None:
        if path.startswith(_SYSTEM) and not self._may_use_system(path):
            raise Refusal("fs.system", "the path leads into /proc, /sys or /dev", _CHANGE)
        if not self._allowed.matches(path):
            raise Refusal(
                "fs.outside",
                f"the path is outside of what may be {_PAST[self.access]}",
                f"add a glob for it to fs.{self.access}",
                path,
            )
        if self._denied.matches(skeleton(path)):
            hint = "no allow overrides it"
            raise Refusal("fs.denied", "the path is on the list fs.deny", hint, path)

    def _may_use_system(self, path: str) -> bool:
        return bool(self._system) and not _MAGIC.match(path) and self._allowed.matches(path)

    def _resolve(self, whole: str, world: World) -> tuple[str, str]:
        """Walk as the kernel does: the physical path, and the lexical one."""
        at = ""
        for start in self._starts:
            if whole.startswith(start):
                at = start[:-1]
                break
        todo = whole[len(at) :].split("/")
        todo.reverse()
        links = 0
        kind = _FREE
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at, kind = at[: at.rfind("/")] if at else "", _FREE
                continue
            at = f"{at}/{part}"
            if at in self._trusted:
                continue
            kind = world.kind(at)
            if kind is _FREE or kind is _MISSING:
                continue
            if kind is FileKind.LINK:
                links += 1
                if links > MAX_LINKS:
                    raise Refusal("fs.loop", "the path goes through too many links", _CHANGE)
                at = self._follow(at, todo, world)
            elif kind is FileKind.UNKNOWN:
                raise Refusal("fs.unreadable", "a part of the path cannot be looked at", _CHANGE)
        path = at or "/"
        if kind is _FREE or kind is _MISSING:
            return path, path if not links else _lexical(whole)
        if kind is FileKind.SPECIAL:
            raise Refusal("fs.device", "the path is a device, a socket or a pipe", _CHANGE)
        if kind is FileKind.HARD_LINKED and not self._may_be_linked:
            reason = "the file has another name elsewhere (a hard link)"
            raise Refusal("fs.hard-link", reason, "copy the file, or set fs.hard_links")
        return path, path if not links else _lexical(whole)

    def _follow(self, at: str, todo: list[str], world: World) -> str:
        if at.startswith(_SYSTEM):
            raise Refusal("fs.magic-link", "the path goes through a link of the kernel's", _CHANGE)
        try:
            target = world.target(at)
        except OSError:
            raise Refusal("fs.unreadable", "a link cannot be read", _CHANGE) from None
        if not target or "\0" in target or len(target) > MAX_BYTES:
            raise Refusal("fs.unreadable", "a link cannot be followed", _CHANGE)
        todo.extend(reversed(target.split("/")))
        return "" if target[0] == "/" else at[: at.rfind("/")]


_PAST = {"read": "read", "write": "written"}
_FREE = FileKind.PLAIN
_MISSING = FileKind.MISSING


def check_spelling(value: str) -> None:
    """Refuse a path that two programs may read differently."""
    if 0 < len(value) <= MAX_NAME_BYTES and _PLAIN.match(value):
        return
    if not value:
        raise Refusal("fs.empty", "the path is empty", _CHANGE)
    if value[0] == "-":
        raise Refusal("fs.option", "the path begins with a dash, like an option", "write ./ before")
    if value.startswith("//"):
        reason = "two slashes at the start mean different things on different systems"
        raise Refusal("fs.uncertain", reason, _CHANGE)
    found = _UNCERTAIN.search(value)
    if found:
        what = _WHY.get(found[0]) or ("a control character" if found[0] < " " else "a wildcard")
        raise Refusal("fs.uncertain", f"the path holds {what}", _CHANGE)
    if not value.isascii():
        _check_unicode(value)
    if len(value) > MAX_BYTES // 4 and len(value.encode()) >= MAX_BYTES:
        raise Refusal("fs.too-long", f"the path is longer than {MAX_BYTES} bytes", _CHANGE)
    _check_names(value)


def _check_names(value: str) -> None:
    is_quick = len(value) <= MAX_NAME_BYTES // 4
    for name in value.split("/"):
        if not name or name in (".", ".."):
            continue
        if name[-1] in " ." or name[0] == " " or name[-1] == "\u3000":
            reason = "a name begins or ends with a space, or ends with a dot"
            raise Refusal("fs.uncertain", reason, _CHANGE)
        if not is_quick and len(name.encode()) > MAX_NAME_BYTES:
            raise Refusal("fs.too-long", f"a name is longer than {MAX_NAME_BYTES} bytes", _CHANGE)
        if name[0] in "cpanlCPANL" and _DEVICE.match(name):
            raise Refusal("fs.uncertain", "a name is a device's on some systems", _CHANGE)


def _check_unicode(value: str) -> None:
    if has_hidden(value):
        raise Refusal("fs.hidden", "the path holds invisible or direction characters", _CHANGE)
    if folds_to_special(value):
        raise Refusal("fs.uncertain", "the path holds a look-alike of punctuation", _CHANGE)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refusal("fs.uncertain", "the path is not valid text", _CHANGE) from None


def _lexical(whole: str) -> str:
    return posixpath.normpath("/" + whole.lstrip("/"))


def _is_system(path: str) -> bool:
    return path.startswith(_SYSTEM)


def _trusted(globs: tuple[str, ...], writable: tuple[str, ...]) -> frozenset[str]:
    """The roots of the globs and what lies above: laid out by the operator, so not resolved.

    Except where one lies in a root that may be written: there the agent could have put a link.
    """
    roots = [base for base in map(literal_base, writable) if base != "/"]
    has_all = len(roots) < len(writable)
    found: set[str] = set()
    for base in map(literal_base, globs):
        parts = base.strip("/").split("/")
        for count in range(1, len(parts) + 1):
            above = "/" + "/".join(parts[:count])
            if not has_all and not any(above.startswith(root + "/") for root in roots):
                found.add(above)
    return frozenset(found)
