"""Host and domain names: one spelling each, and lists of them with wildcards."""

import re
from collections.abc import Iterable
from functools import lru_cache

import idna

from tyrian.policy.address import as_address

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*"
    r"(?!(?:[0-9]+|0x[0-9a-f]*)\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"
)


@lru_cache(maxsize=8192)
def ascii_name(name: str) -> str:
    """The name in ASCII lower case; '' where it is none, or has more than one spelling.

    A name in other letters counts only as IDNA 2008 writes it: what would first have to be mapped
    (full-width letters, soft hyphens, capitals beyond ASCII) is refused, since clients differ.
    """
    if name.isascii():
        low = name.lower()
        return low if _NAME.match(low) else ""
    try:
        encoded = idna.encode(name, strict=True)
        low = encoded.decode("ascii")
        is_stable = idna.decode(low) == name
    except (idna.IDNAError, UnicodeError):
        return ""
    return low if is_stable and _NAME.match(low) else ""


class HostList:
    """Names and addresses, `*.example.com` standing for all names below."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.names: set[str] = set()
        self.addresses: set[str] = set()
        self.is_all = False
        suffixes = []
        for pattern in patterns:
            if pattern == "*":
                self.is_all = True
            elif pattern.startswith("*."):
                suffixes.append("." + _known(pattern[2:]))
            elif address := as_address(pattern) or as_address(f"[{pattern}]"):
                self.addresses.add(address)
            else:
                self.names.add(_known(pattern))
        self._suffixes = tuple(suffixes)

    def has(self, name: str) -> bool:
        """Whether a name, in ASCII lower case, is on the list."""
        if name in self.names or self.is_all:
            return True
        return bool(self._suffixes) and name.endswith(self._suffixes) and name[0] != "."

    def is_spelled_out(self, name: str) -> bool:
        """Whether the very name is on the list, rather than a wildcard that covers it."""
        return name in self.names or (bool(self._suffixes) and name.endswith(self._suffixes))


def _known(pattern: str) -> str:
    name = ascii_name(pattern)
    if not name:
        raise ValueError("it must be a host name, `*.` and a host name, or an address")
    return name


def check_host_pattern(pattern: str) -> str:
    """What is wrong with a pattern of a list of hosts; '' if nothing."""
    try:
        HostList([pattern])
    except ValueError as error:
        return str(error)
    return ""
