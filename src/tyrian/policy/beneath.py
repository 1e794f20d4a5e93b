"""Opens a path that was judged, and only if it still is what was judged.

A decision is made on the file system of one moment. Between it and the use another process may put
a link in the way, so the canonical path, which has no links in it, is opened step by step without
following any: what openat2(2) calls RESOLVE_BENEATH with RESOLVE_NO_SYMLINKS, in portable calls.
"""

import errno
import os
import stat

from tyrian.policy.refusal import Refusal

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_beneath(root: str, path: str, flags: int, mode: int = 0o666) -> int:
    """A descriptor for the canonical `path` below the directory `root`; Refusal where it changed.

    `flags` and `mode` are those of os.open. Directories on the way are never made. Errors such as
    FileNotFoundError come through as they are.
    """
    rest = path[len(root.rstrip("/")) :]
    names = [name for name in rest.split("/") if name]
    if not path.startswith(root.rstrip("/") + "/") or not names or ".." in names or "." in names:
        raise Refusal("fs.outside", "the path is not below its root", "use the canonical path")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            following = _opened(name, _STEP, 0, at)
            os.close(at)
            at = following
        wanted = (flags & ~os.O_TRUNC) | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        found = _opened(names[-1], wanted, mode, at)
    finally:
        os.close(at)
    return _checked(found, flags)


def _opened(name: str, flags: int, mode: int, at: int) -> int:
    try:
        return os.open(name, flags, mode, dir_fd=at)
    except OSError as error:
        if error.errno in _CHANGED:
            reason = "the path has changed since it was judged"
            raise Refusal("fs.changed", reason, "judge the call again") from None
        raise


def _checked(found: int, flags: int) -> int:
    """The descriptor, if it is a directory or a regular file with one name."""
    info = os.fstat(found)
    is_plain = stat.S_ISREG(info.st_mode) and info.st_nlink <= 1
    if not is_plain and not stat.S_ISDIR(info.st_mode):
        os.close(found)
        reason = "the path is no longer a plain file with one name"
        raise Refusal("fs.changed", reason, "judge the call again")
    if flags & os.O_TRUNC and flags & (os.O_WRONLY | os.O_RDWR):
        os.ftruncate(found, 0)
    os.set_blocking(found, True)
    return found


_CHANGED = frozenset((errno.ELOOP, errno.ENOTDIR, errno.ENXIO))
"""A link, a file or a pipe where there was a directory or a file."""
