"""A TLS and a plain server on loopback, and an egress proxy in a thread of its own."""

import asyncio
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from tyrian.sandbox.egress.proxy import EgressProxy
from tyrian.sandbox.egress.record import EgressLog
from tyrian.sandbox.egress.resolve import Resolver
from tyrian.sandbox.egress.rules import EgressRules

HOST = "api.example.com"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; `/redirect?URL` sends the client on."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/redirect?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._echo(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._echo(body)

    def _echo(self, body: bytes) -> None:
        asked = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "size": len(body),
        }
        data = json.dumps(asked).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@dataclass
class Servers:
    """Ports on loopback, and the certificate that clients must trust."""

    tls: int
    plain: int
    ca: Path


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    authority = trustme.CA()
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "other.example.com", "127.0.0.1").configure_cert(context)
    with ExitStack() as keep:

        def serving(context: ssl.SSLContext | None) -> int:
            server = _Server(("127.0.0.1", 0), _Handler)
            if context:
                server.socket = context.wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            keep.callback(server.server_close)
            keep.callback(server.shutdown)
            return int(server.server_address[1])

        yield Servers(serving(context), serving(None), ca)


@dataclass
class FakeDns:
    """Answers from a table; each look-up takes the next answer, the last one again and again."""

    table: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def addresses(self, name: str) -> list[str]:
        self.asked.append(name)
        answers = self.table.get(name, [[]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Running:
    """A proxy that runs."""

    port: int
    log: EgressLog

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running_proxy(rules: EgressRules, resolver: Resolver, log: EgressLog) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = EgressProxy(rules, log, resolver)
    asyncio.run_coroutine_threadsafe(proxy.serve(listener), loop).result()
    try:
        yield Running(listener.getsockname()[1], log)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


Start = Callable[..., Running]


@pytest.fixture
def start_proxy(tmp_path: Path) -> Iterator[Start]:
    """Starts a proxy with these rules."""
    with ExitStack() as keep:

        def start(rules: EgressRules, dns: FakeDns | None = None) -> Running:
            log = EgressLog.to(tmp_path / "egress.jsonl")
            return keep.enter_context(running_proxy(rules, dns or FakeDns(), log))

        yield start
