"""IPv4 addresses: which are reachable from everywhere (IANA special-purpose registry, RFC 6890)."""

from bisect import bisect_right

_SPECIAL = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4",
)  # fmt: skip
_OCTETS = {str(number): number for number in range(256)}
"""Without leading zeros, which are read as octal by some and refused by others."""


def parse_v4(value: str) -> int | None:
    """The address as a number, None where the text is none: much cheaper than `ipaddress`."""
    octets = value.split(".")
    if len(octets) != 4:
        return None
    try:
        first, second, third, fourth = [_OCTETS[octet] for octet in octets]
    except KeyError:
        return None
    return first << 24 | second << 16 | third << 8 | fourth


def _ranges() -> tuple[list[int], list[int]]:
    firsts, lasts = [], []
    for network in _SPECIAL:
        base, _, bits = network.partition("/")
        first = parse_v4(base) or 0
        firsts.append(first)
        lasts.append(first + (1 << 32 - int(bits)) - 1)
    return firsts, lasts


_FIRSTS, _LASTS = _ranges()


def is_global_v4(address: int) -> bool:
    """The address is no private, loopback, link-local, shared, documentation or reserved one."""
    return address > _LASTS[bisect_right(_FIRSTS, address) - 1]
