"""/v1/responses: the Responses API on top of chat completions."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import msgspec

from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.completions import Call, Completions
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.dialect.responses import ResponsesDialect
from tyrian.gateway.dialect.responses_request import chat_from_responses, messages_of_input
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.routes.files import page_fields
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json

if TYPE_CHECKING:
    from tyrian.gateway.accounts.record import KeyRecord
    from tyrian.gateway.stored_responses import StoredResponses


class Responses:
    """The endpoints."""

    def __init__(self, settings: Settings, completions: Completions, prefix: str) -> None:
        self._settings = settings
        self._completions = completions
        self._prefix = prefix + "/"

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/responses"""
        context = context_of(scope)
        context.route = "responses"
        settings = self._settings
        key = await authenticate(scope, settings.keys, context, "responses")
        if scope["path"].startswith(self._prefix):
            raise ApiError(404, "There is no such route.", code="not_found")
        limits = settings.limits
        body, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        before = await self._before(obj, key)
        chat = chat_from_responses(obj, before)
        keep = self._keeper(obj, before, key)
        call = Call(chat, None, ResponsesDialect(obj, keep=keep), keep)

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

    async def _before(self, obj: Json, key: "KeyRecord") -> list[Json]:
        """The conversation that the request follows."""
        earlier = obj.get("previous_response_id")
        if earlier is None:
            return []
        if not isinstance(earlier, str):
            raise bad_request("`previous_response_id` must be an id.", param="previous_response_id")
        row = await self._kept("previous_response_id").get(earlier, key, "previous_response_id")
        return row.messages

    def _keeper(
        self, obj: Json, before: list[Json], key: "KeyRecord"
    ) -> Callable[[Json], Awaitable[None]] | None:
        if obj.get("store") is not True:
            return None
        kept = self._kept("store")

        async def keep(response: Json) -> None:
            if response["incomplete_details"] == {"reason": "content_filter"}:
                return  # what a guard has stopped is kept nowhere
            given = obj["input"]
            items: list[Json] = [{"type": "message", "role": "user", "content": given}]
            if not isinstance(given, str):
                items = cast(list[Json], given)
            said = messages_of_input(response["output"]) if response["output"] else []
            messages = [*before, *messages_of_input(given), *said]
            await kept.keep(key, response, messages, items)

        return keep

    def _kept(self, param: str) -> "StoredResponses":
        if self._settings.responses is None:
            raise bad_request(
                "Responses are not kept here: send the items of the conversation as `input`.",
                param=param,
                code="unsupported_parameter",
            )
        return self._settings.responses

    async def read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /v1/responses/{id} and /v1/responses/{id}/input_items"""
        context = context_of(scope)
        context.route = "responses"
        key = await authenticate(scope, self._settings.keys, context, "responses")
        response_id, _, what = scope["path"][len(self._prefix) :].partition("/")
        if not response_id or what not in ("", "input_items"):
            raise ApiError(404, "There is no such route.", code="not_found")
        row = await self._kept("response_id").get(response_id, key)
        if not what:
            await send_body(send, msgspec.json.encode(row.response))
            return
        # Newest first, as the dialect has it.
        items = [_shown(item, i) for i, item in enumerate(row.input)][::-1]
        await send_body(send, msgspec.json.encode(page_fields(items, has_more=False)))

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:
        """DELETE /v1/responses/{id}"""
        context = context_of(scope)
        context.route = "responses"
        key = await authenticate(scope, self._settings.keys, context, "responses")
        response_id = scope["path"][len(self._prefix) :]
        await self._kept("response_id").delete(response_id, key)
        answer = {"id": response_id, "object": "response", "deleted": True}
        await send_body(send, msgspec.json.encode(answer))


def _shown(item: Json, number: int) -> Json:
    """An item of an input as it is listed: each has an id, and content in parts."""
    shown: Json = {"id": f"item_{number}", "type": "message", **item}
    if isinstance(shown.get("content"), str):
        kind = "output_text" if shown.get("role") == "assistant" else "input_text"
        shown["content"] = [{"type": kind, "text": shown["content"]}]
    return shown


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
