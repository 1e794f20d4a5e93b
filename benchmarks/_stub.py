"""A model server that costs next to nothing: the upstream of the gateway benchmark.

Run it as a process of its own; it prints the port it listens on. It answers a chat at once, whole
(about 560 bytes) or as an event stream of 50 chunks; a request whose text has `pace-5` in it gets
100 chunks 5 ms apart. It is raw asyncio on purpose: what is measured is what stands in front of it.
"""

import argparse
import asyncio
import json
import re
from typing import cast

import httptools
import uvloop

MODEL = "stub"
CHUNKS = 50
PACED_CHUNKS = 100
_PACE = re.compile(rb"\bpace-(\d{1,4})\b")
_STREAM = re.compile(rb'"stream":\s*true')
_WORDS = ("river ", "stone ", "light ", "field ", "cloud ")


def _sentence(count: int) -> str:
    return "".join(_WORDS[i % len(_WORDS)] for i in range(count)).strip() + "."


def _whole_body() -> bytes:
    answer = {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _sentence(50)},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 250},
    }
    return json.dumps(answer, separators=(",", ":")).encode()


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-stub",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    data = b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _plain(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


WHOLE = _plain(_whole_body())
MODELS = _plain(
    json.dumps(
        {
            "object": "list",
            "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "benchmark"}],
        }
    ).encode()
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
) + _event({"role": "assistant", "content": ""})
EVENTS = tuple(_event({"content": _WORDS[i % len(_WORDS)]}) for i in range(CHUNKS))
_DONE = b"data: [DONE]\n\n"
STREAM_TAIL = _event({}, "stop") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(_DONE), _DONE)


class StubProtocol(asyncio.Protocol):
    """One connection; keeps alive, answers requests in order."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""
        self._pacing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop a paced stream whose client has left."""
        if self._pacing is not None:
            self._pacing.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; it calls back below."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request starts."""
        self._path = self._body = b""

    def on_url(self, url: bytes) -> None:
        """Collect the path."""
        self._path += url

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer at once, or start a paced stream."""
        assert self._transport is not None
        if self._path.endswith(b"/models"):
            self._transport.write(MODELS)
        elif not _STREAM.search(self._body):
            self._transport.write(WHOLE)
        elif pace := _PACE.search(self._body):
            self._pacing = asyncio.ensure_future(self._paced(int(pace[1]) / 1000))
        else:
            self._transport.write(STREAM_HEAD + b"".join(EVENTS) + STREAM_TAIL)

    async def _paced(self, pause_s: float) -> None:
        assert self._transport is not None
        self._transport.write(STREAM_HEAD)
        for event in (EVENTS * 2)[:PACED_CHUNKS]:
            self._transport.write(event)
            await asyncio.sleep(pause_s)
        self._transport.write(STREAM_TAIL)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(StubProtocol, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    uvloop.run(_serve(parser.parse_args().port))
