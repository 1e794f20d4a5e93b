"""The head of a proxy request, strictly read, and the request that goes on to the server."""

from dataclasses import dataclass

import h11

from tyrian.policy.refusal import Refusal
from tyrian.sandbox.egress.rules import Target, target_of

MAX_HEAD = 1 << 15
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"host"))


class BadRequestError(ValueError):
    """The client does not speak HTTP as a proxy's client must."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks the proxy for."""

    method: str
    target: Target
    url: str
    """The whole URL of a plain request; '' for a tunnel."""
    request: h11.Request

    @property
    def is_tunnel(self) -> bool:
        """Whether it is a CONNECT."""
        return not self.url


def read_head(connection: h11.Connection) -> Asked | None:
    """The request in what `connection` has received; None while its head is not whole.

    Raises BadRequestError for what is not HTTP, Refusal for a target without a certain form.
    """
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise BadRequestError(str(error)) from None
    if event is h11.NEED_DATA:
        return None
    if not isinstance(event, h11.Request):
        raise BadRequestError("no request")
    method = event.method.decode("ascii", "replace")
    if event.method == b"CONNECT":
        return Asked(method, target_of(event.target.decode("ascii", "replace")), "", event)
    _check_framing(event)
    url = event.target.decode("ascii", "replace")
    target = _target_of_url(url)
    _check_host(event, target)
    return Asked(method, target, url, event)


def onward(asked: Asked) -> h11.Request:
    """The plain request for the server itself: origin form, one host, the connection closed."""
    rest = asked.url.split("://", 1)[1]
    path = "/" + rest.partition("/")[2] if "/" in rest else "/"
    host = asked.target.host if asked.target.port == 80 else str(asked.target)
    return h11.Request(
        method=asked.request.method,
        target=path,
        headers=[
            (b"Host", host.encode()),
            *_kept(asked.request.headers),
            (b"Connection", b"close"),
        ],
    )


def backward(response: h11.Response) -> h11.Response:
    """The server's answer for the client: without what concerns one connection alone."""
    return h11.Response(
        status_code=response.status_code,
        reason=response.reason,
        headers=[*_kept(response.headers), (b"Connection", b"close")],
    )


def _kept(headers: h11._headers.Headers) -> list[tuple[bytes, bytes]]:
    """The headers that go from end to end."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in bytes(value).split(b",")
    }
    return [
        (bytes(name), bytes(value))
        for name, value in headers
        if name not in _HOP_BY_HOP and name not in named and not name.startswith(b"proxy-")
    ]


def _target_of_url(url: str) -> Target:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() != "http":
        raise Refusal("net.scheme", "a plain request must name an http:// URL")
    ends = [at for at in map(rest.find, "/?#") if at >= 0]
    authority = rest[: min(ends)] if ends else rest
    if ends and rest[min(ends)] != "/":
        raise Refusal("net.uncertain", "a query must come after a path")
    if "@" in authority:
        raise Refusal("net.userinfo", "the URL names a user before its host")
    has_port = ":" in authority.rpartition("]")[2]
    return target_of(authority if has_port else f"{authority}:80")


def _check_framing(request: h11.Request) -> None:
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise BadRequestError("both Transfer-Encoding and Content-Length")


def _check_host(request: h11.Request, target: Target) -> None:
    """The Host header, where there is one, names the same server."""
    for name, value in request.headers:
        if name == b"host" and value:
            text = value.decode("ascii", "replace")
            has_port = ":" in text.rpartition("]")[2]
            if target_of(text if has_port else f"{text}:80") != target:
                raise Refusal("net.uncertain", "the Host header names another server")
