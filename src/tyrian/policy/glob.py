"""Globs over the segments of a path, compiled once and matched without backtracking.

`*` and `?` stay within a segment, `**` as a whole segment stands for any number of them, so that
`/a/**` holds for `/a` itself as well. There are no character classes and no escapes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import re2

_WILD = re.compile(r"[*?]")


def is_literal(glob: str) -> bool:
    """Whether the glob names one path only."""
    return _WILD.search(glob) is None


def literal_base(glob: str) -> str:
    """The directory that everything the glob matches lies in, as far as it is spelled out."""
    segments = glob.split("/")
    kept: list[str] = []
    for segment in segments[:-1]:
        if _WILD.search(segment):
            break
        kept.append(segment)
    return "/".join(kept) or "/"


def glob_pattern(glob: str) -> str:
    """The RE2 pattern of a glob."""
    parts = []
    for segment in glob.strip("/").split("/"):
        if segment == "**":
            parts.append("(?:/[^/]+)*")
        else:
            body = "".join(
                "[^/]*" if c == "*" else "[^/]" if c == "?" else re.escape(c) for c in segment
            )
            parts.append("/" + body)
    start = "(?:/[^/]+)*" if not glob.startswith("/") and not glob.startswith("**") else ""
    return "(?s)" + start + "".join(parts)


@dataclass(slots=True)
class GlobSet:
    """Any of several globs; paths are absolute, without dot segments and slash at the end."""

    exact: set[str] = field(default_factory=set)
    below: tuple[str, ...] = ()
    """Roots of globs of the form `/root/**`, each with a slash at its end."""
    names: set[str] = field(default_factory=set)
    """Segments of globs of the forms `**/name` and `**/name/**`."""
    is_all: bool = False
    others: "re2._Regexp | None" = None

    @classmethod
    def of(cls, globs: Iterable[str], *, is_deny: bool = False) -> "GlobSet":
        """Compile; with `is_deny` a glob holds for all that lies below what it matches."""
        found = cls()
        others: list[str] = []
        for glob in globs:
            found._add(glob.rstrip("/") or "/", others, is_deny=is_deny)
        if others:
            tail = "(?:/.*)?" if is_deny else ""
            found.others = re2.compile("|".join(f"(?:{p}{tail})" for p in others))
        return found

    def _add(self, glob: str, others: list[str], *, is_deny: bool) -> None:
        if glob in ("/**", "**", "**/*"):
            self.is_all = True
        elif is_literal(glob) and glob.startswith("/") and not is_deny:
            self.exact.add(glob)
        elif glob.endswith("/**") and is_literal(glob[:-3]) and glob.startswith("/"):
            self.exact.add(glob[:-3])
            self.below = (*self.below, glob[:-2])
        elif is_deny and (name := _any_segment(glob)):
            self.names.add(name)
        else:
            others.append(glob_pattern(glob))

    def matches(self, path: str) -> bool:
        """Whether any of the globs matches the path."""
        if self.is_all or path in self.exact or path.startswith(self.below or _NEVER):
            return True
        if self.names and not self.names.isdisjoint(path.split("/")):
            return True
        return self.others is not None and self.others.fullmatch(path) is not None


_NEVER = ("\0",)


def _any_segment(glob: str) -> str:
    body = glob.removeprefix("**/").removesuffix("/**")
    return body if body and "/" not in body and is_literal(body) else ""
