"""Serves a chat completion request, whatever dialect it came in: judge, ask, judge, answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tyrian.core.decision import Decision
from tyrian.errors import UpstreamError
from tyrian.gateway.accounts.tiers import is_at_least
from tyrian.gateway.answer_form import AnswerForm
from tyrian.gateway.answers import ChunkWriter, encode, new_completion_id, refused_completion
from tyrian.gateway.body import ClientGoneError
from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.chat_request import ChatRequest, read_chat_request
from tyrian.gateway.context import Receive, RequestContext, Send
from tyrian.gateway.dialect.interface import AnswerStream, Dialect
from tyrian.gateway.errors import (
    ApiError,
    internal_error,
    model_not_allowed,
    tier_too_low,
    upstream_failed,
)
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.inline_moderation import InlineModeration
from tyrian.gateway.metering import Demand, metered
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.moderation_results import moderation_model
from tyrian.gateway.passed_on import failed_reply
from tyrian.gateway.presence import while_client_stays
from tyrian.gateway.relay import Relay
from tyrian.gateway.responses import send_body
from tyrian.gateway.rewrite import Ask, Rewriter, write_stream
from tyrian.gateway.routing.destination import Destination, Target
from tyrian.gateway.screen import (
    Firewalled,
    Screen,
    StoppedError,
    guard_unavailable,
    is_guard_failure,
)
from tyrian.gateway.settings import Settings
from tyrian.gateway.tokens_used import tokens_in, usage_fields
from tyrian.gateway.upstream import Upstream, UpstreamReply
from tyrian.gateway.whole import Judged, finish_whole, judged_answer
from tyrian.gateway.wire import Json
from tyrian.gateway.wishes import Wishes

if TYPE_CHECKING:
    from tyrian.gateway.accounts.record import KeyRecord

GUESSED_TOKENS_PER_S = 30
"""What a model is taken to have written of a whole answer that its client did not wait for."""

IMAGE_TOKENS = 1_600
"""What a picture is taken to cost until the model server has told."""

_ASK_USAGE = b'{"stream_options":{"include_usage":true},'


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its route has read it."""

    obj: Json
    """In OpenAI's shape."""
    body: bytes | None
    """The JSON text of `obj` where it is what the client sent, None where it was rewritten."""
    dialect: Dialect
    keep: Callable[[Json], Awaitable[None]] | None = None
    """Hears of the body of an answer that is not streamed, before it leaves."""


@dataclass(slots=True)
class _Exchange:
    """A request with all that its answer needs."""

    call: Call
    request: ChatRequest
    destination: Destination
    screen: Screen
    wishes: Wishes
    context: RequestContext
    target: Target | None = None
    """Known once the guards have read the request."""

    @property
    def prompt_tokens(self) -> int:
        """An estimate, which stands until the model server has told."""
        messages = self.request.trace.messages
        return tokens_in(sum(len(part) for message in messages for part in message.segments))

    @property
    def upstream(self) -> Upstream:
        """The server to ask."""
        if self.target is None:
            raise AssertionError("nothing is sent before the request has been judged")
        return self.target.upstream


class Completions:
    """The one way through the gateway for everything that a model answers."""

    def __init__(
        self, settings: Settings, guarded: Firewalled, catalogue: Catalogue, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._guarded = guarded
        self._catalogue = catalogue
        self._metrics = metrics
        self._moderation_model = moderation_model(settings.firewall)

    async def serve(
        self, call: Call, key: "KeyRecord", context: RequestContext, receive: Receive, send: Send
    ) -> None:
        """Answer, whole or as a stream; ApiError as long as nothing has been sent."""
        settings = self._settings
        request = read_chat_request(
            call.obj,
            allowed=settings.allowed_params,
            allow_remote_images=settings.allow_remote_images,
        )
        form = AnswerForm.of(call.obj)
        moderation = InlineModeration.of(
            call.obj.get("moderation"),
            self._moderation_model,
            self._guarded.stages,
            settings.categories_by,
        )
        destination = self._catalogue.resolve(request.model, key)
        if not key.allows_model(request.model):
            raise model_not_allowed(request.model)
        if not is_at_least(key.tier, self._catalogue.tier_of(request.model)):
            raise tier_too_low(request.model)
        context.model = request.model
        if moderation is not None:
            moderation.listen(context)
        screen = Screen(self._guarded, self._metrics, context, settings.reviews)
        demand = _demand(call, request)
        # Settled outside: once the answer is sent, a client that leaves interrupts nothing more.
        async with (
            metered(settings.meter, key, demand, context) as usage,
            while_client_stays(receive),
        ):
            wishes = Wishes(form, usage, moderation)
            exchange = _Exchange(call, request, destination, screen, wishes, context)
            if request.is_stream:
                await self._stream(exchange, send)
            else:
                await self._whole(exchange, send)

    async def _whole(self, exchange: _Exchange, send: Send) -> None:
        request, wishes = exchange.request, exchange.wishes
        try:
            onward = await _onward(exchange)
            judged = await self._answer(exchange, onward)
            completion = judged.out
        except StoppedError as stopped:
            completion = _refused(stopped, request, wishes)
        except UpstreamError as error:
            self._metrics.upstream_error(exchange.upstream.name, error.status)
            raise upstream_failed(error) from error
        answer = exchange.call.dialect.whole(completion)
        if exchange.call.keep is not None:
            await exchange.call.keep(answer)
        await send_body(send, encode(answer))

    async def _answer(self, exchange: _Exchange, onward: bytes) -> Judged:
        """A settled answer; StoppedError where the client's own moderation withholds it."""
        ask = self._asker(exchange)
        rewriter = Rewriter.of(self._guarded.firewall, exchange.request)
        if rewriter is not None:
            judged = await rewriter.answer(onward, ask, exchange.screen)
            if exchange.wishes.moderation is not None:
                exchange.wishes.moderation.only(judged.worst)
        else:
            judged = await judged_answer(await ask(onward), exchange.screen)
        finish_whole(judged.out, exchange.wishes, exchange.request.model)
        moderation = exchange.wishes.moderation
        withheld = moderation.flagged_output() if moderation is not None else None
        if withheld is not None:
            raise StoppedError(withheld)
        return judged

    async def _stream(self, exchange: _Exchange, send: Send) -> None:
        async with EventStream(send, self._settings.limits) as events:
            out = exchange.call.dialect.stream(events)
            try:
                onward = await _onward(exchange)
                await self._relay(exchange, onward, out)
            except StoppedError as stopped:
                await _refuse(out, stopped, exchange)
            except UpstreamError as error:
                self._metrics.upstream_error(exchange.upstream.name, error.status)
                await _fail(out, upstream_failed(error))
            except ApiError as error:
                await _fail(out, error)
            except ClientGoneError:
                raise
            except Exception:
                if not out.has_begun:
                    raise
                await out.fail(internal_error())

    async def _relay(self, exchange: _Exchange, onward: bytes, out: AnswerStream) -> None:
        request, wishes = exchange.request, exchange.wishes
        withholds = wishes.moderation is not None and wishes.moderation.blocks_output
        if withholds or Rewriter.of(self._guarded.firewall, request) is not None:
            judged = await self._answer(exchange, _without_stream(onward))
            await write_stream(judged, request, out)
            return
        reply = await self._ask(exchange, onward, is_stream=True)
        try:
            await Relay(request, exchange.screen, wishes, out).run(reply.events())
        finally:
            await reply.close()

    def _asker(self, exchange: _Exchange) -> Ask:
        """What asks the target for a whole answer."""
        usage, most = exchange.wishes.usage, exchange.request.max_tokens

        async def ask(body: bytes) -> bytes:
            started = time.perf_counter()
            try:
                reply = await self._ask(exchange, body, is_stream=False)
                try:
                    return await reply.read()
                finally:
                    await reply.close()
            except asyncio.CancelledError:
                # What it wrote until now was written, though nobody will read it.
                guess = int((time.perf_counter() - started) * GUESSED_TOKENS_PER_S)
                usage.completion_tokens = guess if most is None else min(guess, most)
                raise

        return ask

    async def _ask(self, exchange: _Exchange, onward: bytes, *, is_stream: bool) -> UpstreamReply:
        """The upstream's reply, its status being 200 and its form the expected one."""
        upstream, usage = exchange.upstream, exchange.wishes.usage
        started = time.perf_counter()
        usage.prompt_tokens = exchange.prompt_tokens
        try:
            reply = await upstream.chat(onward, is_stream=is_stream)
        except (UpstreamError, ApiError):
            usage.prompt_tokens = 0
            raise
        exchange.context.upstream_s = time.perf_counter() - started
        self._metrics.upstream_answered(upstream.name, exchange.context.upstream_s)
        form = "text/event-stream" if is_stream else "application/json"
        if reply.status == 200 and reply.headers.get("content-type", "").startswith(form):
            return reply
        usage.prompt_tokens = 0
        try:
            if reply.status == 200:
                raise UpstreamError(f"upstream {upstream.name!r} answered in another form")
            self._metrics.upstream_error(upstream.name, reply.status)
            raise await failed_reply(reply, upstream.name)
        finally:
            await reply.close()


def _demand(call: Call, request: ChatRequest) -> Demand:
    """All of the request counts, tools and schemas too; a picture counts as so many tokens."""
    images = [image for message in request.trace.messages for image in message.images]
    size = len(call.body) if call.body is not None else len(encode(call.obj))
    size -= sum(len(image.url) for image in images)
    most = request.max_tokens
    return Demand(
        request.model,
        tokens_in(max(size, 0)) + IMAGE_TOKENS * len(images),
        most * request.choices if most else None,
    )


async def _onward(exchange: _Exchange) -> bytes:
    """The body for the upstream: as it came, unless a guard, a route or a wish changes it.

    StoppedError for a request that may not go on.
    """
    request, call, screen = exchange.request, exchange.call, exchange.screen
    messages = await screen.request(request)
    moderation = exchange.wishes.moderation
    stopping = moderation.flagged_input() if moderation is not None else None
    if stopping is not None:
        raise StoppedError(stopping)
    changed: Json = {} if messages is None else {"messages": messages}
    # Read as it came: what a guard would redact counts too.
    target = exchange.target = await exchange.destination.target(
        call.obj, screen.decisions, exchange.context
    )
    if target.model != request.model:
        changed["model"] = target.model
    asks_usage = request.is_stream and not request.wants_usage
    if asks_usage and "stream_options" in call.obj:
        changed["stream_options"] = {"include_usage": True}
    if changed or call.body is None or "moderation" in call.obj:
        obj = {**call.obj, **changed}
        obj.pop("moderation", None)
        if asks_usage:
            obj["stream_options"] = {"include_usage": True}
        return encode(obj)
    if asks_usage:
        # Usage is booked for every request; the client that did not ask does not see it.
        return _ASK_USAGE + call.body.lstrip()[1:]
    return call.body


def _without_stream(onward: bytes) -> bytes:
    obj = msgspec.json.decode(onward)
    obj.pop("stream", None)
    obj.pop("stream_options", None)
    return encode(obj)


def _refused(stopped: StoppedError, request: ChatRequest, wishes: Wishes) -> Json:
    """What stands in place of an answer; ApiError where a guard failed."""
    decision: Decision = stopped.decision
    if is_guard_failure(decision):
        raise guard_unavailable(decision) from None
    completion = refused_completion(decision, request.model)
    completion["usage"] = usage_fields(wishes.usage)  # zero where no model was asked
    if wishes.moderation is not None:
        completion["moderation"] = wishes.moderation.fields()
    return completion


async def _refuse(out: AnswerStream, stopped: StoppedError, exchange: _Exchange) -> None:
    request, wishes = exchange.request, exchange.wishes
    decision = stopped.decision
    if is_guard_failure(decision):
        await _fail(out, guard_unavailable(decision))
        return
    writer = ChunkWriter(new_completion_id(), int(time.time()), request.model)
    chunks = [writer.role(0), *writer.refusal(0, decision)]
    if wishes.moderation is not None:
        chunks.append(writer.moderation(encode(wishes.moderation.fields())))
    if request.wants_usage:
        chunks.append(writer.usage(encode(usage_fields(wishes.usage))))
    await out.write(chunks)
    await out.done()


async def _fail(out: AnswerStream, error: ApiError) -> None:
    """An error event where the stream has begun, else the error with its own status."""
    if not out.has_begun:
        raise error
    await out.fail(error)
