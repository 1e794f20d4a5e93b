"""Where a sandbox may connect to: the stack's allow-list, and the `net` section of the policy.

The grammar of the allow-list's entries is that of `tyrian.stack.egress_entry`. A host of the policy
counts on the policy's ports, for its schemes. An address of an inner network is only reached where
an entry names it, or names a host that by its name is of an inner network (`db.internal`);
loopback, link-local and metadata addresses only where an entry names the address.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tyrian.policy.address import as_address, is_inside_name, is_public
from tyrian.policy.host import HostList, ascii_name
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import NetSpec
from tyrian.policy.url import NetRule
from tyrian.policy.world import MACHINE
from tyrian.stack.egress_entry import read_entry

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+):([1-9][0-9]{0,4})\Z")
_PRIVATE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254")))
"""Metadata services within the private ranges."""


class Way(StrEnum):
    """How the bytes travel, which is what can be checked of them."""

    HTTPS = "https"
    """TLS in a tunnel, whose SNI must be the host."""
    HTTP = "http"
    """Plain HTTP, request by request."""
    TCP = "tcp"
    """Any bytes in a tunnel."""


_WAYS = {"https": Way.HTTPS, "wss": Way.HTTPS, "http": Way.HTTP, "ws": Way.HTTP}
"""What the schemes of a policy need."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host and port in their one spelling."""

    host: str
    port: int

    @property
    def is_address(self) -> bool:
        """Whether the host is an address rather than a name."""
        return bool(as_address(self.host))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Grant:
    """That a target may be reached, and how."""

    ways: frozenset[Way]
    addresses: tuple[str, ...] = ()
    """Addresses that the operator named, for the name or by itself; nothing is looked up then."""
    may_be_inner: bool = False
    """The name may lead to a private address."""

    def check_address(self, address: str) -> None:
        """Raise Refusal where the target must not lead to this address."""
        if is_public(address) or address in self.addresses:
            return
        if self.may_be_inner and _is_private(address):
            return
        raise Refusal(
            "net.private",
            "the name leads to an address of an inner network",
            "name the address itself in egress_allowlist, or pin it under hosts",
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    way: Way
    hosts: HostList
    port: int


def _entry(text: str) -> _Entry:
    found = read_entry(text)
    return _Entry(Way(found.scheme), HostList([found.host]), found.port)


def target_of(authority: str) -> Target:
    """The target of `host:port` as CONNECT names it; Refusal where it has no certain form."""
    found = _AUTHORITY.match(authority)
    if not found or int(found[2]) > 65535:
        raise Refusal("net.uncertain", "the target is not host:port")
    host = found[1]
    name = "" if host[0] == "[" else ascii_name(host)
    canonical = name or as_address(host)
    if not canonical:
        raise Refusal("net.host", "the host has no certain form")
    return Target(canonical, int(found[2]))


class EgressRules:
    """The hosts that may be reached; pure, and built once."""

    def __init__(
        self,
        allowlist: Iterable[str] = (),
        net: NetSpec | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        """`hosts` pins names to addresses; ValueError for an entry or address that is none."""
        self._entries = tuple(_entry(text) for text in allowlist)
        self._net = net
        self._net_hosts = HostList(net.hosts if net else ())
        self._net_rule = NetRule(net) if net else None
        self._pins = {name.lower(): _address(text) for name, text in (hosts or {}).items()}

    def grant(self, target: Target, *, is_tunnel: bool) -> Grant:
        """How the target may be reached; Refusal with the rule and what would have to change."""
        of_host = [entry for entry in self._entries if _has(entry.hosts, target)]
        entries = [entry for entry in of_host if entry.port == target.port]
        ways = {entry.way for entry in entries} | self._by_policy(target)
        if not ways:
            if of_host or self._is_host_of_policy(target):
                raise Refusal("net.port", "the port is not allowed", "add it to the host's entry")
            raise Refusal("net.host", "the host is not allowed", "add it to egress_allowlist")
        fitting = ways - {Way.HTTP} if is_tunnel else ways & {Way.HTTP}
        if not fitting:
            asked = "a tunnel" if is_tunnel else "plain HTTP"
            hint = (
                "add an entry https://host:port" if is_tunnel else "add an entry http://host:port"
            )
            raise Refusal("net.scheme", f"{asked} to this host is not allowed", hint)
        return Grant(
            frozenset(fitting), self._addresses(target, entries), self._inner(target, entries)
        )

    def check_url(self, url: str, target: Target) -> None:
        """Raise Refusal where the policy alone allows the host, and not the URL's path."""
        if any(
            _has(entry.hosts, target) and entry.port == target.port and entry.way is Way.HTTP
            for entry in self._entries
        ):
            return
        assert self._net_rule is not None
        self._net_rule.canonical(url, MACHINE)

    def _addresses(self, target: Target, entries: Sequence[_Entry]) -> tuple[str, ...]:
        if target.is_address:
            address = target.host.strip("[]")
            may_be_any = self._net is not None and self._net.private_ips == "allow"
            if not entries and not may_be_any and not is_public(address):
                raise Refusal("net.private", "the address is one of an inner network")
            return (address,)
        pinned = self._pins.get(target.host)
        return (pinned,) if pinned else ()

    def _inner(self, target: Target, entries: Sequence[_Entry]) -> bool:
        if self._net is not None and self._net.private_ips == "allow" and not entries:
            return True
        is_named = any(entry.hosts.is_spelled_out(target.host) for entry in entries)
        return is_named and is_inside_name(target.host)

    def _is_host_of_policy(self, target: Target) -> bool:
        return self._net is not None and _has(self._net_hosts, target)

    def _by_policy(self, target: Target) -> set[Way]:
        if not self._net or not self._is_host_of_policy(target):
            return set()
        if target.port not in self._net.ports:
            return set()
        return {_WAYS[scheme] for scheme in self._net.schemes if scheme in _WAYS}


def _has(hosts: HostList, target: Target) -> bool:
    return target.host in hosts.addresses if target.is_address else hosts.has(target.host)


def _is_private(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if address in _METADATA:
        return False
    return any(address.version == net.version and address in net for net in _PRIVATE)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an address") from None
