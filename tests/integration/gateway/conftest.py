"""A gateway on a real port, before a real model server of the OpenAI dialect."""

import asyncio
import itertools
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import openai
import pytest
from aiohttp import web
from tests.integration.gateway.organisation import site as site

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, DetectorInfo, Finding, Stage, View
from tyrian.errors import DetectorError
from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.firewall.redact import RedactStyle
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.app import create_app
from tyrian.gateway.catalogue import upstreams_of
from tyrian.gateway.server import Server, server
from tyrian.gateway.settings import Settings
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.upstream import HttpUpstream, UpstreamLimits
from tyrian.policy.guard import GuardPolicy, GuardRule
from tyrian.stack.load import parse_stack

KEY = "tyr_test_of-the-gateway"
READ_ONLY_KEY = "tyr_test_for-models-only"
MODEL = "org/fake-model"


class InMemoryKeys:
    """Two keys, one of which may only list models."""

    async def verify(self, token: str) -> KeyRecord | None:
        scopes = {
            KEY: {"chat", "moderations", "models.read"},
            READ_ONLY_KEY: {"models.read"},
        }.get(token)
        if scopes is None:
            return None
        return KeyRecord("key_1", "test", KeyKind.TEST, frozenset(scopes), 0)


class WordDetector:
    """Finds words: `ATTACK` is a jailbreak, `pass-1234` a password; `BREAKDOWN` breaks it."""

    info = DetectorInfo("words", "words", ("jailbreak", "password", "S1", "S13", "odd"))
    is_bounded = True
    reads_trace = False
    _words = re.compile(r"ATTACK|pass-\d{4}|ODD|BREAKDOWN|KILL|VOTE")
    _labels: ClassVar = {"ATTACK": "jailbreak", "ODD": "odd", "KILL": "S1", "VOTE": "S13"}

    def detect(self, view: View) -> Detection:
        found = []
        for match in self._words.finditer(view.text):
            if match[0] == "BREAKDOWN":
                raise DetectorError("the detector broke down")
            label = self._labels.get(match[0], "password")
            found.append(
                Finding(f"words.{label}", label, label, start=match.start(), end=match.end())
            )
        return Detection.from_findings(tuple(found))


def word_firewall(
    *, stages: tuple[Stage, ...] = tuple(Stage), style: RedactStyle = RedactStyle.LABEL
) -> Firewall:
    """A firewall that blocks attacks, redacts passwords and flags what is odd."""
    detector = WordDetector()
    effects = {
        "jailbreak": Effect.BLOCK,
        "S1": Effect.BLOCK,
        "S13": Effect.REVIEW,
        "password": Effect.REDACT,
        "odd": Effect.FLAG,
    }
    return Firewall(
        [Guard(detector, stage, redact_with=style) for stage in stages],
        GuardPolicy([GuardRule("words", stage, effects) for stage in stages]),
        audit=MemoryAudit(),
    )


class ServerThread:
    """A uvicorn server in a thread of its own."""

    def __init__(self, app: Any) -> None:
        self.port = 0
        self._started = threading.Event()
        self.server: Server = server(app, port=0, on_started=self._on_started)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        assert self._started.wait(20)

    def _on_started(self, port: int) -> None:
        self.port = port
        self._started.set()

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)


class Closing:
    """An application that closes something on its own event loop when it shuts down."""

    def __init__(self, app: Any, it: Any) -> None:
        self._app, self._it = app, it

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_after_closing(event: Any) -> None:
            if event["type"].startswith("lifespan.shutdown"):
                await self._it.close()
            await send(event)

        await self._app(scope, receive, send_after_closing)


Handler = Callable[[dict[str, Any], web.Request], Awaitable[web.StreamResponse]]


class FakeModelServer:
    """An aiohttp server; `answers` decides, `requests` and `headers` remember."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[object] = set()
        self.cancelled = threading.Event()
        self.entered = threading.Event()
        self.answer: Handler = echo
        self.is_well = True
        self.checks = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._started.set()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.headers.append({k.lower(): v for k, v in request.headers.items()})
        self.connections.add(request.transport)
        body = await request.json()
        self.requests.append(body)
        self.entered.set()
        try:
            return await self.answer(body, request)
        except (asyncio.CancelledError, ConnectionError):
            self.cancelled.set()
            raise

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _health(self, request: web.Request) -> web.Response:
        self.checks += 1
        return web.Response(status=200 if self.is_well else 503)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def run(self, call: Callable[[], object]) -> None:
        """Call this on the server's own event loop."""
        self._loop.call_soon_threadsafe(call)

    def say(self, text: str, **options: Any) -> None:
        """Answer every request with this text."""

        async def said(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
            return await reply(body, request, text, **options)

        self.answer = said

    def call(self, *calls: tuple[str, str]) -> None:
        """Answer every request with tool calls of these names and arguments."""

        async def called(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
            return await reply(body, request, "", calls=calls)

        self.answer = called


async def echo(body: dict[str, Any], request: web.Request) -> web.StreamResponse:
    """Say what was said last."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    return await reply(body, request, f"You said: {text}")


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL}


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


async def reply(
    body: dict[str, Any],
    request: web.Request,
    text: str,
    *,
    calls: tuple[tuple[str, str], ...] = (),
    size: int = 3,
    cuts: Sequence[int] = (),
    extra: dict[str, Any] | None = None,
) -> web.StreamResponse:
    """One answer, whole or in pieces: cut at `cuts`, or else every `size` characters."""
    on_wire = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": args}}
        for i, (name, args) in enumerate(calls)
    ]
    finish = "tool_calls" if calls else "stop"
    if not body.get("stream"):
        message = {"role": "assistant", "content": text or None, "refusal": None, **(extra or {})}
        if calls:
            message["tool_calls"] = on_wire
        choices = [
            {"index": i, "message": message, "logprobs": None, "finish_reason": finish}
            for i in range(body.get("n") or 1)
        ]
        return web.json_response({**_head("chat.completion"), "choices": choices, "usage": USAGE})
    out = await begin(request)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    places = [0, *sorted(cuts), len(text)] if cuts else [*range(0, len(text), size), len(text)]
    deltas += [{"content": text[a:b]} for a, b in itertools.pairwise(places)]
    for i, call in enumerate(on_wire):
        function: Any = call["function"]
        first = {**call, "index": i, "function": {**function, "arguments": ""}}
        deltas.append({"tool_calls": [first]})
        args = function["arguments"]
        deltas += [
            {"tool_calls": [{"index": i, "function": {"arguments": args[k : k + size]}}]}
            for k in range(0, len(args), size)
        ]
    for delta in deltas:
        for i in range(body.get("n") or 1):
            await out.write(chunk(delta, index=i))
    for i in range(body.get("n") or 1):
        await out.write(chunk({}, finish, index=i))
    if (body.get("stream_options") or {}).get("include_usage"):
        usage = {**_head("chat.completion.chunk"), "choices": [], "usage": USAGE}
        await out.write(b"data: " + json.dumps(usage).encode() + b"\n\n")
    await out.write(b"data: [DONE]\n\n")
    await out.write_eof()
    return out


async def begin(request: web.Request) -> web.StreamResponse:
    """The start of an event stream."""
    out = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await out.prepare(request)
    return out


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> bytes:
    """One chunk as its event."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    body = {**_head("chat.completion.chunk"), "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


class Kit:
    """Starts gateways and stops them; what tests need lies on it."""

    key = KEY
    read_only_key = READ_ONLY_KEY
    model = MODEL
    begin = staticmethod(begin)
    chunk = staticmethod(chunk)
    reply = staticmethod(reply)
    word_firewall = staticmethod(word_firewall)

    def __init__(self) -> None:
        self.upstream = FakeModelServer()
        self._running: list[ServerThread] = []
        self._clients: list[openai.OpenAI] = []
        self._servers: list[FakeModelServer] = []

    def start(
        self,
        firewall: Firewall | None = None,
        *,
        upstream_url: str = "",
        read_s: float = 20.0,
        connect_s: float = 2.0,
        keys: Any = None,
        closing: Any = None,
        **settings: Any,
    ) -> int:
        """A gateway with these settings, that closes `closing` when it stops; its port."""
        url = upstream_url or f"http://127.0.0.1:{self.upstream.port}/v1"
        limits = UpstreamLimits(connect_s=connect_s, read_s=read_s, retries=1)
        upstream = HttpUpstream(url, name="fake", model_ids=(MODEL,), limits=limits)
        app = create_app(Settings(firewall, [upstream], keys or InMemoryKeys(), **settings))
        running = ServerThread(Closing(app, closing) if closing is not None else app)
        self._running.append(running)
        return running.port

    def server(self) -> FakeModelServer:
        """One more model server."""
        made = FakeModelServer()
        self._servers.append(made)
        return made

    def start_stack(self, text: str, firewall: Firewall | None = None, **settings: Any) -> int:
        """A gateway with the models and routes of a stack file; its port."""
        upstreams, models, routes = upstreams_of(parse_stack(text, base=Path(), file="stack.yaml"))
        settings = {"keys": InMemoryKeys(), "models": models, "routes": routes, **settings}
        running = ServerThread(create_app(Settings(firewall, upstreams, **settings)))
        self._running.append(running)
        return running.port

    def client(self, firewall: Firewall | None = None, **settings: Any) -> openai.OpenAI:
        """The official client, connected to a new gateway."""
        return self.client_of(self.start(firewall, **settings))

    def client_of(self, port: int, key: str = KEY) -> openai.OpenAI:
        """The official client, connected to the gateway at that port."""
        client = openai.OpenAI(
            api_key=key,
            admin_api_key=key,
            base_url=f"http://127.0.0.1:{port}/v1",
            max_retries=0,
            timeout=20,
        )
        self._clients.append(client)
        return client

    def stop(self) -> None:
        """Stop the gateways."""
        running, self._running = self._running, []
        for one in running:
            one.stop()

    def close(self) -> None:
        """Stop everything."""
        for client in self._clients:
            client.close()
        self.stop()
        for model_server in (self.upstream, *self._servers):
            model_server.stop()


@pytest.fixture
def kit() -> Iterator[Kit]:
    """Gateways, clients and a model server."""
    made = Kit()
    yield made
    made.close()
