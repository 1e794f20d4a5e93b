"""POST /v1/responses: the Responses API on top of chat completions."""

from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.completions import Call, Completions
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.dialect.responses import ResponsesDialect
from tyrian.gateway.dialect.responses_request import chat_from_responses
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json


class Responses:
    """The endpoint."""

    def __init__(self, settings: Settings, completions: Completions) -> None:
        self._settings = settings
        self._completions = completions

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/responses"""
        context = context_of(scope)
        context.route = "responses"
        settings = self._settings
        key = await authenticate(scope, settings.keys, context, "responses")
        limits = settings.limits
        body, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        _refuse_storing(obj)
        call = Call(chat_from_responses(obj), None, ResponsesDialect(obj))

        async def work(send: Send) -> None:
            try:
                await self._completions.serve(call, key, context, receive, send)
            except ApiError as error:
                error.param = _param(error.param)
                raise

        once = settings.idempotency
        if once is None or obj.get("stream"):
            await work(send)
        else:
            await once.serve(scope, context, body, send, work)


def _refuse_storing(obj: Json) -> None:
    if obj.get("previous_response_id") is not None:
        raise bad_request(
            "Responses are not kept here: send the items of the conversation as `input`.",
            param="previous_response_id",
            code="unsupported_parameter",
        )


_PARAMS = {
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}


def _param(param: str | None) -> str | None:
    """The path as the client knows it; which item a message came from is not told."""
    if param is None:
        return None
    head, dot, rest = param.partition(".")
    if head.startswith("messages"):
        return "input"
    if head == "response_format":
        return "text.format.schema" if rest.endswith("schema") else "text.format"
    return _PARAMS.get(head, head) + dot + rest
