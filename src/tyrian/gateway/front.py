"""The outermost checks of a request: for which host it is, and from whom it really comes."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tyrian.errors import ConfigError
from tyrian.gateway.context import Endpoint, Receive, Scope, Send
from tyrian.gateway.errors import bad_request

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_FOR_MACHINES = frozenset({"/healthz", "/readyz"})
"""Asked for by address, and open to everybody."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Front:
    """Refuses requests for foreign hosts; believes proxies that the operator trusts, no others."""

    def __init__(
        self, app: Endpoint, hosts: Iterable[str] = (), proxies: Iterable[str] = ()
    ) -> None:
        """`hosts` are names without port, none for any; `proxies` addresses and networks."""
        self._app = app
        self._hosts = frozenset(plain_host(host) for host in hosts)
        self._proxies = networks_of(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._hosts and scope["path"] not in _FOR_MACHINES:
                self._check_host(scope)
            if self._proxies:
                self._look_behind(scope)
        await self._app(scope, receive, send)

    def _check_host(self, scope: Scope) -> None:
        given = next((value for key, value in scope["headers"] if key == b"host"), b"")
        if plain_host(given.decode("latin-1")) not in self._hosts:
            raise bad_request(
                "This gateway does not answer for the host that the request names; its operator "
                "adds one with `--allowed-host`.",
                code="unknown_host",
            )

    def _look_behind(self, scope: Scope) -> None:
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None or not self._trusts(peer):
            return
        forwarded = _values(scope, b"x-forwarded-for")
        scope["client"] = (str(self._origin(peer, forwarded)), 0)
        proto = _values(scope, b"x-forwarded-proto")[-1:]
        if proto in (["http"], ["https"]):
            scope["scheme"] = proto[0]

    def _origin(self, peer: Address, forwarded: Sequence[str]) -> Address:
        """The last address that no trusted proxy has: all before it is the client's own word."""
        found = peer
        for text in reversed(forwarded):
            address = _address(text)
            if address is None:
                return found
            found = address
            if not self._trusts(address):
                return found
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def plain_host(host: str) -> str:
    """A Host header's name: without port, brackets and final dot, in small letters."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    if host.count(":") > 1:
        return host
    return host.partition(":")[0].rstrip(".")


def _values(scope: Scope, name: bytes) -> list[str]:
    """The items of all headers of that name, in order."""
    joined = b",".join(value for key, value in scope["headers"] if key == name)
    return [item.strip().lower() for item in joined.decode("latin-1").split(",") if item.strip()]


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def networks_of(proxies: Iterable[str]) -> tuple[Network, ...]:
    """The networks that are written so; ConfigError for anything else."""
    return tuple(map(_network, proxies))


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is neither an address nor a network",
            hint="write a trusted proxy as 10.0.0.7 or 10.0.0.0/8",
        ) from error
