"""POST /v1/chat/completions, whole and streamed."""

import time

import msgspec

from tyrian.errors import UpstreamError
from tyrian.gateway.answers import ChunkWriter, new_completion_id, refused_completion
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import ClientGoneError, read_json
from tyrian.gateway.catalogue import Catalogue, Target
from tyrian.gateway.chat_request import ChatRequest, read_chat_request
from tyrian.gateway.context import Receive, RequestContext, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, internal_error, upstream_failed
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.passed_on import failed_reply
from tyrian.gateway.presence import while_client_stays
from tyrian.gateway.relay import GuardedRelay, relay_as_is
from tyrian.gateway.responses import send_body
from tyrian.gateway.rewrite import Ask, Rewriter, write_stream
from tyrian.gateway.screen import (
    Firewalled,
    Screen,
    StoppedError,
    guard_unavailable,
    is_guard_failure,
)
from tyrian.gateway.settings import Settings
from tyrian.gateway.upstream import UpstreamReply
from tyrian.gateway.whole import judged_completion
from tyrian.gateway.wire import Json


class ChatCompletions:
    """The endpoint, as a plain ASGI application: nothing of a framework is on its way."""

    def __init__(
        self, settings: Settings, guarded: Firewalled, catalogue: Catalogue, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._guarded = guarded
        self._catalogue = catalogue
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        context.route = "chat"
        settings = self._settings
        await authenticate(scope, settings.keys, context, "chat")
        limits = settings.limits
        body, obj = await read_json(
            scope, receive, limit=limits.max_body_bytes, timeout_s=limits.body_s
        )
        request = read_chat_request(
            obj,
            allowed=settings.allowed_params,
            allow_remote_images=settings.allow_remote_images,
        )
        target = await self._catalogue.resolve(request.model)
        context.model = target.model
        screen = Screen(self._guarded, self._metrics, context, settings.reviews)
        async with while_client_stays(receive):
            if request.is_stream:
                await self._stream(request, body, obj, target, screen, context, send)
            else:
                await self._whole(request, body, obj, target, screen, context, send)

    async def _whole(
        self,
        request: ChatRequest,
        body: bytes,
        obj: Json,
        target: Target,
        screen: Screen,
        context: RequestContext,
        send: Send,
    ) -> None:
        try:
            onward = await _onward(request, body, obj, target, screen)
        except StoppedError as stopped:
            if is_guard_failure(stopped.decision):
                raise guard_unavailable(stopped.decision) from None
            await send_body(send, refused_completion(stopped.decision, request.model))
            return
        try:
            rewriter = Rewriter.of(self._guarded.firewall, request)
            if rewriter is not None:
                judged = await rewriter.answer(onward, self._asker(target, context), screen)
                answer = msgspec.json.encode(judged.out)
            else:
                raw = await self._asker(target, context)(onward)
                answer = await judged_completion(raw, screen) if screen.judges_answers else raw
        except UpstreamError as error:
            self._metrics.upstream_error(target.upstream.name, error.status)
            raise upstream_failed(error) from error
        await send_body(send, answer)

    async def _stream(
        self,
        request: ChatRequest,
        body: bytes,
        obj: Json,
        target: Target,
        screen: Screen,
        context: RequestContext,
        send: Send,
    ) -> None:
        async with EventStream(send, self._settings.limits) as out:
            try:
                onward = await _onward(request, body, obj, target, screen)
                await self._relay(onward, request, target, screen, context, out)
            except StoppedError as stopped:
                if is_guard_failure(stopped.decision):
                    await _fail(out, guard_unavailable(stopped.decision))
                else:
                    await _refuse(out, request, stopped)
            except UpstreamError as error:
                self._metrics.upstream_error(target.upstream.name, error.status)
                await _fail(out, upstream_failed(error))
            except ApiError as error:
                await _fail(out, error)
            except ClientGoneError:
                raise
            except Exception:
                if not out.has_begun:
                    raise
                await out.fail(internal_error())

    async def _relay(
        self,
        onward: bytes,
        request: ChatRequest,
        target: Target,
        screen: Screen,
        context: RequestContext,
        out: EventStream,
    ) -> None:
        rewriter = Rewriter.of(self._guarded.firewall, request)
        if rewriter is not None:
            judged = await rewriter.answer(onward, self._asker(target, context), screen)
            await write_stream(judged, request, out)
            return
        reply = await self._ask(onward, target, context, is_stream=True)
        try:
            if screen.judges_answers:
                await GuardedRelay(request, screen, out).run(reply.events())
            else:
                await relay_as_is(reply.events(), out)
        finally:
            await reply.close()

    def _asker(self, target: Target, context: RequestContext) -> Ask:
        """What asks the target for a whole answer."""

        async def ask(body: bytes) -> bytes:
            reply = await self._ask(body, target, context, is_stream=False)
            try:
                return await reply.read()
            finally:
                await reply.close()

        return ask

    async def _ask(
        self, onward: bytes, target: Target, context: RequestContext, *, is_stream: bool
    ) -> UpstreamReply:
        """The upstream's reply, its status being 200 and its form the expected one."""
        upstream = target.upstream
        started = time.perf_counter()
        reply = await upstream.chat(onward, is_stream=is_stream)
        context.upstream_s = time.perf_counter() - started
        self._metrics.upstream_answered(upstream.name, context.upstream_s)
        form = "text/event-stream" if is_stream else "application/json"
        if reply.status == 200 and reply.headers.get("content-type", "").startswith(form):
            return reply
        try:
            if reply.status == 200:
                raise UpstreamError(f"upstream {upstream.name!r} answered in another form")
            self._metrics.upstream_error(upstream.name, reply.status)
            raise await failed_reply(reply, upstream.name)
        finally:
            await reply.close()


async def _onward(
    request: ChatRequest, body: bytes, obj: Json, target: Target, screen: Screen
) -> bytes:
    """The body for the upstream: as it came, unless a guard or a route changes it."""
    messages = await screen.request(request)
    if messages is None and target.model == request.model:
        return body
    changed: Json = {**obj, "model": target.model}
    if messages is not None:
        changed["messages"] = messages
    return msgspec.json.encode(changed)


async def _refuse(out: EventStream, request: ChatRequest, stopped: StoppedError) -> None:
    writer = ChunkWriter(new_completion_id(), int(time.time()), request.model)
    await out.write(writer.role(0) + writer.refusal(0, stopped.decision))
    if request.wants_usage:
        await out.write(writer.usage(b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'))
    await out.done()


async def _fail(out: EventStream, error: ApiError) -> None:
    """An error event where the stream has begun, else the error with its own status."""
    if not out.has_begun:
        raise error
    await out.fail(error)
