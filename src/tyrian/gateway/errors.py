"""The one error shape of the gateway: the OpenAI envelope.

Every refusal is an ApiError; whatever else escapes becomes a plain 500 of the same shape.
"""

from collections.abc import Mapping, Sequence

import msgspec

from tyrian.errors import TyrianError, UpstreamError

Headers = Sequence[tuple[bytes, bytes]]

_TYPE_OF_STATUS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
}


class ApiError(TyrianError):
    """A request that is answered with an error; `message` is what the client reads."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Headers = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = _TYPE_OF_STATUS.get(status, "server_error")
        self.code = code
        self.param = param
        self.headers = headers
        self.extra = extra or {}

    @property
    def body(self) -> bytes:
        """The envelope as JSON text."""
        fields = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return msgspec.json.encode({"error": fields, **self.extra})


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request cannot be served as it stands."""
    return ApiError(400, message, param=param, code=code)


def unauthorized(message: str) -> ApiError:
    """401, with the challenge that HTTP asks for."""
    challenge = ((b"www-authenticate", b"Bearer"),)
    return ApiError(401, message, code="invalid_api_key", headers=challenge)


def model_not_found(model: str) -> ApiError:
    """404 for a model that is not served here."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found", param="model")


def model_not_allowed(model: str) -> ApiError:
    """403 for a model that this key may not use."""
    message = f"This key may not use the model `{model}`."
    return ApiError(403, message, code="model_not_allowed", param="model")


def tier_too_low(model: str) -> ApiError:
    """403 for a model that the key's tier does not reach."""
    message = f"The model `{model}` is not open to the tier of this key. Ask its operator for it."
    return ApiError(403, message, code="access_program_required", param="model")


def too_large(limit: int) -> ApiError:
    """413, and the connection closes because its body was not read."""
    message = f"The request body is larger than the limit of {limit} bytes."
    return ApiError(413, message, code="request_too_large", headers=((b"connection", b"close"),))


def overloaded() -> ApiError:
    """503: more requests at once than this server takes."""
    return ApiError(
        503,
        "The gateway is at its limit of concurrent requests. Try again shortly.",
        code="overloaded",
        headers=((b"retry-after", b"1"),),
    )


def store_unavailable() -> ApiError:
    """503: without its database the gateway cannot tell who asks, so nobody gets through."""
    return ApiError(
        503,
        "The gateway cannot reach or write its store. Try again shortly.",
        code="store_unavailable",
        headers=((b"retry-after", b"1"),),
    )


def internal_error() -> ApiError:
    """500, which says nothing about what happened inside."""
    return ApiError(500, "The gateway failed to serve this request.", code="internal_error")


_UPSTREAM_CODES = {503: "upstream_unavailable", 504: "upstream_timeout"}


def upstream_failed(error: UpstreamError) -> ApiError:
    """502, 503 or 504 for a model server that failed."""
    status = error.status if error.status in _UPSTREAM_CODES else 502
    return ApiError(status, error.message, code=_UPSTREAM_CODES.get(status, "upstream_error"))
