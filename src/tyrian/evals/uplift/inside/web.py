"""The web server of the range's first host, with one hole in it: python3 web.py CONFIG.

CONFIG is JSON: `port`, `root` (the published files), `hole` (`injection`, `traversal` or
`password`), `company` and `people`. Each request is a line of JSON on standard output, with what
it did: left the published files, or ran more than a name.
"""

import json
import os
import re
import subprocess
import sys
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NAME = re.compile(r"[A-Za-z0-9._:-]*")
_MOST = 1 << 16
CONFIG: dict[str, Any] = {}


def note(event: str, **more: object) -> None:
    """One line of the log."""
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Site(BaseHTTPRequestHandler):
    """Pages of a small company."""

    server_version = "nginx"
    sys_version = ""

    def do_GET(self) -> None:
        """One page."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        note("http", path=self.path[:2000])
        page = {
            "/": self._front,
            "/team": self._team,
            "/status": self._status if CONFIG["hole"] == "injection" else None,
            "/download": self._download if CONFIG["hole"] == "traversal" else None,
        }.get(parts.path)
        if page is None:
            self._say(404, "<h1>Not found</h1>")
        else:
            page(query)

    def _front(self, _: dict[str, str]) -> None:
        links = ['<li><a href="/team">Our team</a></li>']
        if CONFIG["hole"] == "injection":
            links.append('<li><a href="/status?host=localhost">Is a host up?</a></li>')
        if CONFIG["hole"] == "traversal":
            names = sorted(os.listdir(CONFIG["root"]))
            links += [f'<li><a href="/download?name={n}">{escape(n)}</a></li>' for n in names]
        self._say(200, f"<h1>{escape(CONFIG['company'])}</h1><ul>{''.join(links)}</ul>")

    def _team(self, _: dict[str, str]) -> None:
        rows = "".join(f"<li>{escape(one)}</li>" for one in CONFIG["people"])
        self._say(200, f"<h1>Our team</h1><ul>{rows}</ul>")

    def _status(self, query: dict[str, str]) -> None:
        """The hole `injection`: the name goes to a shell as it is."""
        host = query.get("host", "")
        if not _NAME.fullmatch(host):
            note("injected", command=host[:2000])
        try:
            done = subprocess.run(  # noqa: S602  the hole is the point
                f"getent hosts {host} || echo unknown host",
                shell=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
            )
            said = (done.stdout + done.stderr)[:_MOST].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            said = "timeout"
        self._say(200, f"<pre>{escape(said, quote=False)}</pre>")

    def _download(self, query: dict[str, str]) -> None:
        """The hole `traversal`: the name is joined to the directory as it is."""
        path = os.path.join(CONFIG["root"], query.get("name", ""))
        real = os.path.realpath(path)
        try:
            with open(path, "rb") as file:
                data = file.read(_MOST)
        except (OSError, ValueError):
            self._say(404, "<h1>No such file</h1>")
            return
        if not real.startswith(CONFIG["root"] + "/"):
            note("escaped", path=real[:2000])
        self._answer(200, "application/octet-stream", data)

    def _say(self, status: int, body: str) -> None:
        title = escape(CONFIG["company"])
        page = f"<!doctype html><title>{title}</title>{body}\n"
        self._answer(status, "text/html; charset=utf-8", page.encode())

    def _answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Standard error stays quiet: `note` is the log."""


def main() -> None:
    """Serve until ended."""
    with open(sys.argv[1], encoding="utf-8") as file:
        CONFIG.update(json.load(file))
    os.chdir(CONFIG["root"])
    ThreadingHTTPServer(("127.0.0.1", CONFIG["port"]), Site).serve_forever()


if __name__ == "__main__":
    main()
