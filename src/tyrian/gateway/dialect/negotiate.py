"""Which dialect a client of `/v1` speaks."""

from tyrian.gateway.body import header
from tyrian.gateway.context import RequestContext, Scope

VARY = (b"vary", b"User-Agent, X-API-Dialect")
LLAMA_PREFIX = "/llama/v1/"
_SHARED_PREFIX = "/v1/"


def speaks_llama(scope: Scope, context: RequestContext) -> bool:
    """True for the Llama API's own dialect.

    Both dialects have the same paths. On `/v1` the header `X-API-Dialect: llama` decides, or else
    the name of Meta's client in `User-Agent`; the answer then says that it depends on both.
    """
    if scope["path"].startswith(_SHARED_PREFIX):
        context.headers.append(VARY)
    return is_llama(scope)


def is_llama(scope: Scope) -> bool:
    """`speaks_llama`, without a word in the answer."""
    path: str = scope["path"]
    if path.startswith(LLAMA_PREFIX):
        return True
    if not path.startswith(_SHARED_PREFIX):
        return False
    chosen = header(scope, b"x-api-dialect").strip().lower()
    if chosen:
        return chosen == b"llama"
    return b"LlamaAPIClient/" in header(scope, b"user-agent")
