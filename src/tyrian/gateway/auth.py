"""Bearer keys: who asks, and whether they may."""

import asyncio
import re
from typing import TYPE_CHECKING

from tyrian.errors import StoreError
from tyrian.gateway.context import RequestContext, Scope
from tyrian.gateway.errors import ApiError, store_unavailable, unauthorized

if TYPE_CHECKING:
    from tyrian.gateway.accounts.record import KeyRecord, KeyVerifier

_HINT = "Send it as `Authorization: Bearer YOUR_KEY`; `tyrian keys create` makes one."
MAX_TOKEN_LENGTH = 512
VERIFY_S = 5.0
"""Longest wait for the database; a server that hangs is as good as gone."""

_PLAIN = re.compile(r"\w+", re.ASCII)


def bearer_token(scope: Scope) -> str:
    """The token of the one Authorization header; 401 for anything else."""
    values = [value for key, value in scope["headers"] if key == b"authorization"]
    if not values:
        raise unauthorized(f"No API key was given. {_HINT}")
    if len(values) > 1:
        raise unauthorized("The request has more than one Authorization header.")
    scheme, _, token = values[0].partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise unauthorized(f"The Authorization header holds no bearer key. {_HINT}")
    if len(token) > MAX_TOKEN_LENGTH:
        raise unauthorized("Incorrect API key provided.")
    return str(token, "latin-1")


async def authenticate(
    scope: Scope, keys: "KeyVerifier", context: RequestContext, permission: str
) -> "KeyRecord":
    """The key behind the request; 401 for no good key, 403 for one without the permission.

    Where no permission is named, any good key will do.
    """
    token = bearer_token(scope)
    record = await _verified(token, keys)
    if record is None:
        raise unauthorized(f"Incorrect API key provided: {_redacted(token)}. {_HINT}")
    context.key_id = record.id
    context.key = record
    if record.networks is not None and not record.allows_address((scope.get("client") or "?")[0]):
        raise ApiError(403, "This key may not be used from here.", code="address_not_allowed")
    if permission and not record.allows(permission):
        message = f"This key lacks the scope `{permission}`."
        raise ApiError(403, message, code="insufficient_scope")
    return record


async def _verified(token: str, keys: "KeyVerifier") -> "KeyRecord | None":
    try:
        async with asyncio.timeout(VERIFY_S):
            return await keys.verify(token)
    except (StoreError, TimeoutError):
        raise store_unavailable() from None


def _redacted(token: str) -> str:
    """Enough to recognise a key of ours, and nothing of what may be somebody else's secret."""
    if len(token) >= 40 and token.startswith("tyr_") and _PLAIN.fullmatch(token):
        return f"{token[:9]}****{token[-4:]}"
    return "****"
