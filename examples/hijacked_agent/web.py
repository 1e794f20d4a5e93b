"""The site with its pages and notes, and the attacker's server that collects what it is sent."""

import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from examples.hijacked_agent.pages import PAGES, served


class Web(ThreadingHTTPServer):
    """A server that keeps what it was sent."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.received: list[str] = []
        self.attacker = ""
        """Base address of the attacker, for the pages."""
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not path.startswith("/pages/"):
            self.server.received.append(urllib.parse.unquote(self.path))
            self._send("")
            return
        number, kind = path.split("/")[2:4]
        page = PAGES[int(number)]
        site, attacker = self.server.base, self.server.attacker
        self._send(served(page, is_attack=kind == "attack", site=site, attacker=attacker))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received.append(f"{self.path} {text}")
        self._send("noted" if self.path == "/notes" else "thanks")

    def _send(self, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass
