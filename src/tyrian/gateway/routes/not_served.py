"""Routes of the dialects that nothing serves yet: they say so, and clients do not try again."""

from tyrian.gateway.auth import authenticate
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError
from tyrian.gateway.settings import Settings

_NO_RETRY = ((b"x-should-retry", b"false"),)


class NotServed:
    """Answers 501 to everybody who might use the route once it is served."""

    def __init__(self, settings: Settings, route: str, scope: str, missing: str) -> None:
        """`missing` says what would have to be there."""
        self._settings = settings
        self._route = route
        self._scope = scope
        self._message = f"{missing} This gateway has none, so nothing was started or kept."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = self._route
        await authenticate(scope, self._settings.keys, context, self._scope)
        raise ApiError(501, self._message, code="not_implemented", headers=_NO_RETRY)
