"""URLs: what a client by the WHATWG standard would fetch, and whether it may.

Before the standard's algorithm (Ada, through `can_ada`) a gate refuses every URL on whose host
parsers are known to differ, so that any client that is given the canonical URL goes to the host
that was judged. Sources: WHATWG URL; RFC 3986; RFC 6890 for addresses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import can_ada

from tyrian.policy.address import as_address, is_inside_name, is_public
from tyrian.policy.glob import GlobSet
from tyrian.policy.host import HostList, ascii_name
from tyrian.policy.lookalike import folds_to_special, has_hidden
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import NetSpec
from tyrian.policy.world import World

MAX_CHARS = 8192

_GATE = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#@\[\]]*)@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]<>^|%&;=+,!$'()*~\"`{}]+)(:[1-9][0-9]{0,4})?([/?#].*)?\Z",
    re.DOTALL,
)
_NEVER = re.compile(r"[\\\x00-\x20\x7f]")
_USERINFO = re.compile(r"[A-Za-z0-9._~-]*(?::[A-Za-z0-9._~-]*)?\Z")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_ESCAPED_AGAIN = re.compile(r"%(?:2[Ff5]|5[Cc]|3[Bb])|;|//")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ws": 80, "wss": 443, "ftp": 21}
_PLAIN = "write it as scheme://host/path"


@dataclass(slots=True)
class Url:
    """The parts of a URL that was judged."""

    href: str
    scheme: str
    host: str
    port: int
    path: str
    query: str
    is_address: bool = False


class NetRule:
    """Canonicalises and judges URLs."""

    def __init__(self, spec: NetSpec) -> None:
        self._schemes = frozenset(scheme.lower() for scheme in spec.schemes)
        self._hosts = HostList(spec.hosts)
        self._ports = frozenset(spec.ports)
        self._paths = GlobSet.of(spec.paths)
        self._has_paths = not self._paths.is_all
        self._may_be_private = spec.private_ips == "allow"
        self._may_have_user = spec.userinfo == "allow"
        self._max_redirects = spec.max_redirects

    def canonical(self, value: str, world: World) -> tuple[Url, Mapping[str, tuple[str, ...]]]:
        """The URL, and the addresses to connect to for each name that was looked up."""
        url = self._judged(value)
        pins: dict[str, tuple[str, ...]] = {}
        self._look_up(url, world, pins)
        redirects = world.redirects()
        if redirects:
            self._follow(url, redirects, world, pins)
        return url, pins

    def _follow(
        self, url: Url, redirects: object, world: World, pins: dict[str, tuple[str, ...]]
    ) -> None:
        hops = list(redirects) if isinstance(redirects, list | tuple) else [None]
        if len(hops) > self._max_redirects:
            reason = f"more than {self._max_redirects} redirects"
            raise Refusal("net.redirects", reason, "raise net.max_redirects")
        at = url
        for hop in hops:
            if not isinstance(hop, str):
                raise Refusal("net.redirect", "a redirect is not text")
            try:
                _check_characters(hop)
                at = self._judged(_joined(at, hop))
                self._look_up(at, world, pins)
            except Refusal as why:
                reason = f"a redirect leads where the call may not go: {why.reason}"
                raise Refusal("net.redirect", reason, why.hint) from None

    def _judged(self, value: str) -> Url:
        url = self._parsed(value)
        if url.scheme not in self._schemes:
            hint = "add the scheme to net.schemes"
            raise Refusal("net.scheme", "the URL's scheme is not allowed", hint, url.href)
        if url.is_address:
            self._judge_address(url.host)
        elif not self._hosts.has(url.host):
            hint = "add the host to net.hosts"
            raise Refusal("net.host", "the URL's host is not allowed", hint, url.href)
        elif not self._may_be_private and self._is_inside(url.host):
            reason = "the host is a name of the inner network, or stands for any address"
            raise Refusal("net.private", reason, "name the host itself in net.hosts")
        if url.port not in self._ports:
            hint = "add it to net.ports"
            raise Refusal("net.port", "the URL's port is not allowed", hint, url.href)
        if self._has_paths:
            self._judge_path(url.path)
        return url

    def _is_inside(self, host: str) -> bool:
        """Whether only `*` covers a name that should not be reached without being named."""
        hosts = self._hosts
        return hosts.is_all and is_inside_name(host) and not hosts.is_spelled_out(host)

    def _judge_address(self, host: str) -> None:
        if host not in self._hosts.addresses:
            reason = "the host is an address that is not on the list"
            raise Refusal("net.address", reason, "name the address in net.hosts")
        if not self._may_be_private and not is_public(host.strip("[]")):
            reason = "the host is an address of an inner network"
            raise Refusal("net.private", reason, "set net.private_ips: allow")

    def _judge_path(self, path: str) -> None:
        if _ESCAPED_AGAIN.search(path):
            reason = "the URL's path holds what servers read differently"
            raise Refusal("net.path", reason, "write the path without %2f, %25, ; and //")
        bare = path.rstrip("/") or "/"
        if not self._paths.matches(bare):
            hint = "add a glob for it to net.paths"
            raise Refusal("net.path", "the URL's path is not allowed", hint, path)

    def _parsed(self, value: str) -> Url:
        if not value or len(value) > MAX_CHARS:
            raise Refusal("net.length", "the URL is empty or too long", _PLAIN)
        _check_characters(value)
        found = _GATE.match(value)
        if not found:
            raise Refusal("net.uncertain", "the URL has no certain host", _PLAIN)
        scheme, user, host, port, rest = found.groups()
        if user is not None:
            self._check_user(user)
        name = "" if host[0] == "[" else ascii_name(host)
        address = "" if name else as_address(host)
        if not name and not address:
            reason = "the URL's host has no certain form"
            raise Refusal("net.host", reason, "write the host's name in plain letters")
        if rest:
            _check_rest(rest)
        url = self._by_standard(value, name or address, scheme.lower(), port)
        url.is_address = bool(address)
        return url

    def _check_user(self, user: str) -> None:
        if not self._may_have_user:
            hint = "leave out what stands before the @"
            raise Refusal("net.userinfo", "the URL names a user before its host", hint)
        if not _USERINFO.match(user):
            raise Refusal("net.userinfo", "the user name in the URL is uncertain", _PLAIN)

    def _by_standard(self, value: str, name: str, scheme: str, port: str | None) -> Url:
        try:
            parsed = can_ada.parse(value)
        except ValueError:
            raise Refusal("net.uncertain", "the URL is not valid", _PLAIN) from None
        if parsed.hostname != name or parsed.protocol != scheme + ":":
            raise Refusal("net.uncertain", "parsers differ on the URL's host", _PLAIN)
        at = int(port[1:]) if port else _DEFAULT_PORTS.get(scheme, 0)
        path = parsed.pathname
        if _BAD_ESCAPE.search(path) or _ESCAPED_CONTROL.search(path):
            reason = "the URL's path holds an escape that servers read differently"
            raise Refusal("net.path", reason, "escape only as %XX, and no control characters")
        return Url(parsed.href, scheme, name, at, path, parsed.search)

    def _look_up(self, url: Url, world: World, pins: dict[str, tuple[str, ...]]) -> None:
        answers = world.addresses(url.host)
        if answers is None:
            return
        for answer in answers:
            if not isinstance(answer, list | tuple) or not answer:
                raise Refusal("net.dns", "the host has no address")
            if not self._may_be_private and not all(
                isinstance(text, str) and is_public(text) for text in answer
            ):
                reason = "the host's name leads to an address of an inner network"
                raise Refusal("net.private", reason, "set net.private_ips: allow")
        if not answers:
            raise Refusal("net.dns", "the host has no address")
        pins.setdefault(url.host, tuple(answers[0]))


def _check_characters(value: str) -> None:
    if _NEVER.search(value):
        reason = "the URL holds a backslash, a space or a control character"
        raise Refusal("net.uncertain", reason, "escape it as %XX")
    if not value.isascii() and (has_hidden(value) or folds_to_special(value)):
        raise Refusal("net.uncertain", "the URL holds look-alike or invisible characters", _PLAIN)


def _check_rest(rest: str) -> None:
    """Old parsers end the host only at a slash, so that `host?@other/` names another host."""
    if rest[0] != "/" and "@" in rest:
        raise Refusal("net.uncertain", "parsers differ on where the URL's host ends", _PLAIN)


def _joined(base: Url, target: str) -> str:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", target):
        return target
    return urljoin(base.href, target)
