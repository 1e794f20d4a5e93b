"""Names to addresses, looked up by the proxy alone and checked before anything connects."""

import asyncio
import socket
from typing import Protocol

from tyrian.policy.refusal import Refusal
from tyrian.sandbox.egress.rules import Grant, Target

TIMEOUT_S = 5.0


class Resolver(Protocol):
    """Looks names up."""

    async def addresses(self, name: str) -> list[str]:
        """Every address of a name; empty where there is none, OSError where it cannot be told."""
        ...


class SystemResolver:
    """The machine's own resolver."""

    async def addresses(self, name: str) -> list[str]:
        """Addresses in the order in which the machine prefers them."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror:
            return []
        return list(dict.fromkeys(str(info[4][0]) for info in found))


async def checked_addresses(target: Target, grant: Grant, resolver: Resolver) -> list[str]:
    """Where to connect to; Refusal where any of the name's addresses is one it must not lead to.

    One bad address refuses the whole name: a name that mixes public and inner addresses is how
    rebinding works. What is returned is connected to as it stands, never looked up again.
    """
    if grant.addresses:
        return list(grant.addresses)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await resolver.addresses(target.host)
    except (TimeoutError, OSError):
        raise Refusal("net.dns", "the name could not be looked up") from None
    if not found:
        raise Refusal("net.dns", "the name has no address")
    for address in found:
        grant.check_address(address)
    return found
