"""An entry of `egress_allowlist`: a host with the scheme and port by which it may be reached.

api.example.com            TLS on port 443
*.example.com:8443         TLS on port 8443, for all names below
http://mirror.example.com  plain HTTP on port 80
tcp://git.example.com:22   any bytes
"""

import re
from dataclasses import dataclass

from tyrian.policy.host import check_host_pattern

_ENTRY = re.compile(
    r"(?:(?P<scheme>https|http|tcp)://)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+)(?::(?P<port>\d{1,5}))?/?\Z"
)
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class EgressEntry:
    """One entry in its parts."""

    scheme: str
    """`https`, `http` or `tcp`."""
    host: str
    port: int


def entry_fault(entry: str) -> str:
    """What is wrong with an entry; '' if nothing."""
    found = _ENTRY.match(entry)
    if not found:
        return "it must be a host, a host with a port, or scheme://host:port (https, http, tcp)"
    if found["scheme"] == "tcp" and not found["port"]:
        return "tcp:// needs a port"
    if found["port"] and not 1 <= int(found["port"]) <= 65535:
        return "a port is from 1 to 65535"
    if found["host"] == "*":
        return "every host at once is no allow-list; name the hosts"
    return check_host_pattern(found["host"])


def read_entry(text: str) -> EgressEntry:
    """The parts of an entry; ValueError where it has a fault."""
    if fault := entry_fault(text):
        raise ValueError(f"{text!r}: {fault}")
    found = _ENTRY.match(text)
    assert found is not None
    scheme = found["scheme"] or "https"
    return EgressEntry(scheme, found["host"], int(found["port"] or _PORTS[scheme]))
