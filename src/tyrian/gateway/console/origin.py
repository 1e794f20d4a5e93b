"""Was a change asked for by a page of ours? Origin, Sec-Fetch-Site and the session's token say."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

from starlette.requests import Request

from tyrian.gateway.errors import ApiError

TOKEN_HEADER = "x-tyrian-token"  # noqa: S105 - the name of a header


def token_of(secret: str) -> str:
    """The token that goes with a session's changes: known to its pages, and stored nowhere."""
    proof = hmac.digest(secret.encode(), b"tyrian console forms", hashlib.sha256)
    return urlsafe_b64encode(proof[:24]).decode()


def check_same_origin(request: Request) -> None:
    """403 for a change that no page of this origin asked for.

    `Sec-Fetch-Site`, which no script can set, must say so; an `Origin` must name this host. Pages
    that send no referrer send forms with the origin `null`, so that is enough beside the former,
    and not without it. The scheme is not compared: behind a proxy that ends TLS it is not known.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "")
    if site is None:
        is_ours = _is_here(origin, request)
    else:
        is_ours = site == "same-origin" and (origin in ("", "null") or _is_here(origin, request))
    if not is_ours:
        raise _forged()


def _is_here(origin: str, request: Request) -> bool:
    host = request.headers.get("host", "")
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


def check_token(given: str, expected: str) -> None:
    """403 where the form's token is not the session's."""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise _forged()


def _forged() -> ApiError:
    message = "This request did not come from a page of this console. Load the page and try again."
    return ApiError(403, message, code="cross_site_request")
