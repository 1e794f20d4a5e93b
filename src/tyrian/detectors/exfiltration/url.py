"""Takes URLs apart the way a browser does, as far as it matters for where data goes."""

import ipaddress
import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from tyrian.detectors.ipv4 import is_global_v4, parse_v4

_PARTS = re.compile(
    r"(?:(?:[A-Za-z][A-Za-z0-9+.-]*)?:)?[/\\]{1,3}(?:([^/?#\\]*)@)?"
    r"(\[[^\]/?#\\]*\]?|[^/?#\\:]*)[^/?#\\]*([^?#]*)(?:\?([^#]*))?"
)
_HOST = re.compile(r"[^\W_]")
_NUMBER_HOST = re.compile(
    r"(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})(?:\.(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})){0,3}\.?"
)
_DECIMAL_QUAD = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}")


class HostKind(StrEnum):
    """What a host is."""

    NAME = "name"
    LOCAL = "local"
    """localhost or a private, loopback or link-local address."""
    ADDRESS = "address"
    """A public IP address."""
    DISGUISED = "disguised"
    """An IP address in another notation than people write: `0x7f.1`, `3232235777`."""


class Url(NamedTuple):
    """The parts of an absolute or protocol-relative URL."""

    userinfo: str
    host: str
    """Lower case, without port and closing dot."""
    path: str
    query: str

    @classmethod
    def parse(cls, value: str) -> "Url | None":
        """The parts, None where there is no host."""
        match = _PARTS.match(value)
        if match is None:
            return None
        userinfo, host, path, query = match.groups("")
        if host[:1] == "[" and host[-1] != "]":
            host += "]"
        host = host.rstrip(".").lower()
        if not host or not (host[0].isalnum() or _HOST.search(host)):
            return None
        return cls(userinfo, host, path, query)


_LOCAL_ENDS = (".localhost", ".local", ".internal")


def host_kind(host: str) -> HostKind:
    """What the host is, judged by its spelling alone."""
    # Addresses end in a digit, a hex digit or a bracket; the numbers of disguised ones too.
    if host[-1] > "f" and host[-1].isalpha() and host != "localhost":
        return HostKind.LOCAL if host.endswith(_LOCAL_ENDS) else HostKind.NAME
    return _spelt_kind(host)


@lru_cache(maxsize=4096)
def _spelt_kind(host: str) -> HostKind:
    if host == "localhost" or host.endswith(_LOCAL_ENDS):
        return HostKind.LOCAL
    if host.startswith("["):
        return _address_kind(host.strip("[]"))
    if (number := parse_v4(host)) is not None:
        return HostKind.ADDRESS if is_global_v4(number) else HostKind.LOCAL
    if _DECIMAL_QUAD.fullmatch(host):
        return HostKind.NAME
    return HostKind.DISGUISED if _NUMBER_HOST.fullmatch(host) else HostKind.NAME


def _address_kind(value: str) -> HostKind:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return HostKind.NAME
    return HostKind.ADDRESS if address.is_global else HostKind.LOCAL


_SECOND_LEVEL = frozenset({"co", "com", "net", "org", "gov", "ac", "edu", "or", "ne", "go"})


def site(host: str) -> str:
    """The registrable domain, near enough to tell one owner from another."""
    labels = host.split(".")
    size = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-size:])


def is_host_allowed(host: str, allowed: frozenset[str]) -> bool:
    """The host or a domain above it is in the set."""
    if not allowed:
        return False
    while host:
        if host in allowed:
            return True
        host = host.partition(".")[2]
    return False
