"""POST /v1/chat/completions, whole and streamed, in both dialects."""

from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.completions import Call, Completions
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.dialect.llama import LlamaDialect
from tyrian.gateway.dialect.llama_request import chat_from_llama
from tyrian.gateway.dialect.negotiate import speaks_llama
from tyrian.gateway.dialect.openai import OpenAIDialect
from tyrian.gateway.settings import Settings

_OPENAI = OpenAIDialect()
_LLAMA = LlamaDialect()


class ChatCompletions:
    """The endpoint, as a plain ASGI application: nothing of a framework is on its way."""

    def __init__(self, settings: Settings, completions: Completions) -> None:
        self._settings = settings
        self._completions = completions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "chat"
        settings = self._settings
        is_llama = speaks_llama(scope, context)
        key = await authenticate(scope, settings.keys, context, "chat")
        limits = settings.limits
        body, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        call = Call(chat_from_llama(obj), None, _LLAMA) if is_llama else Call(obj, body, _OPENAI)

        async def work(send: Send) -> None:
            await self._completions.serve(call, key, context, receive, send)

        once = settings.idempotency
        if once is None or call.obj.get("stream"):
            await work(send)
        else:
            await once.serve(scope, context, body, send, work)
