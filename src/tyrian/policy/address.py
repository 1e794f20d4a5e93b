"""Internet addresses: which are public, and names that stand for ones that are not."""

import ipaddress
import re
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        ("100.64.0.0/10", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "::/96", "5f00::/16"),
    )
)
"""Beyond what the library calls not global: carrier-grade NAT, 6to4 relays, a cloud's own host."""

_INSIDE_SUFFIXES = (
    ".localhost",
    ".local",
    ".localdomain",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".home.arpa",
    ".onion",
    ".in-addr.arpa",
    ".ip6.arpa",
    ".svc",
)
_ANY_ADDRESS = re.compile(
    r"(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|"
    r"yoogle\.com|traefik\.me|rbndr\.us|1u\.ms|readme\.localtest\.me)\Z"
)


@lru_cache(maxsize=4096)
def is_public(text: str) -> bool:
    """Whether an address, as text, is one of the open internet; False for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return all(_is_global(inner) for inner in _meant(address))


def _meant(address: Address) -> tuple[Address, ...]:
    """The address and all that are written within it (mapped, 6to4, NAT64, Teredo)."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.scope_id:
        return (ipaddress.IPv6Address("::1"),)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    found: list[Address] = [address]
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if any(address in net for net in _NAT64):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    return tuple(found)


def _is_global(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address.version == net.version and address in net for net in _CLOSED)


def is_inside_name(host: str) -> bool:
    """Whether a name stands for a machine of this network, or for any address at all."""
    return (
        "." not in host
        or ("." + host).endswith(_INSIDE_SUFFIXES)
        or _ANY_ADDRESS.search(host) is not None
    )


def as_address(host: str) -> str:
    """The address that a host is, in its one canonical spelling; '' for a name.

    Only the dotted-quad form and IPv6 in brackets count: 127.1, 0x7f.1, 2130706433 are no hosts.
    """
    text = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or host[:1] != "["):
        return ""
    return f"[{address}]" if address.version == 6 else str(address)
