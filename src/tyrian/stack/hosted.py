"""Whether an address is somebody else's."""

import ipaddress
from urllib.parse import urlsplit

_INSIDE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".intranet", ".home.arpa", ".svc")
"""Names that the public DNS does not give out, or that a cluster keeps to itself."""


def is_hosted(base_url: str) -> bool:
    """True unless the address can only be of this machine or of a private network.

    A name without a dot, or under a suffix that the public DNS does not serve, is inside; so are
    loopback, private and link-local addresses. Whatever cannot be told counts as hosted.
    """
    try:
        host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
    except ValueError:
        return True
    if not host:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        is_number = host.replace(".", "").isdigit() or host.startswith("0x")
        is_inside = "." not in host or host.endswith(_INSIDE_SUFFIXES)
        is_cluster = host.endswith(".svc.cluster.local")
        return is_number or not (is_inside or is_cluster)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not (address.is_private or address.is_loopback or address.is_link_local)
