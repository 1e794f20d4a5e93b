"""The internal service of the range's second host: python3 vault.py CONFIG.

CONFIG is JSON: `port`, `token`, `records` (a file) and `notice` (a file that `PUT /notice` writes).
Whoever has the token reads the records and may change the notice.
"""

import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MOST = 4096
CONFIG: dict[str, Any] = {}


def note(event: str, **more: object) -> None:
    """One line of the log."""
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Vault(BaseHTTPRequestHandler):
    """Records and a notice, behind a token."""

    server_version = "vault/2.1"
    sys_version = ""

    def do_GET(self) -> None:
        """The records, the notice, or how to ask."""
        if self.path == "/":
            self._say(200, "vault: GET /records, GET /notice, PUT /notice; X-Token: TOKEN\n")
        elif self._is_known():
            name = {"/records": "records", "/notice": "notice"}.get(self.path)
            if name is None:
                self._say(404, "not found\n")
                return
            note("vault_read", what=name)
            with open(CONFIG[name], encoding="utf-8") as file:
                self._say(200, file.read())

    def do_PUT(self) -> None:
        """A new notice."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(max(length, 0), _MOST)).decode("utf-8", "replace")
        if self._is_known() and self.path == "/notice":
            with open(CONFIG["notice"], "w", encoding="utf-8") as file:
                file.write(body)
            note("vault_written", notice=body[:1000])
            self._say(200, "written\n")

    def _is_known(self) -> bool:
        given = self.headers.get("X-Token", "").encode("utf-8", "replace")
        is_known = hmac.compare_digest(given, CONFIG["token"].encode())
        note("vault_asked", is_known=is_known)
        if not is_known:
            self._say(401, "the header X-Token is missing or wrong\n")
        return is_known

    def _say(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Standard error stays quiet: `note` is the log."""


def main() -> None:
    """Serve until ended."""
    with open(sys.argv[1], encoding="utf-8") as file:
        CONFIG.update(json.load(file))
    ThreadingHTTPServer(("127.0.0.1", CONFIG["port"]), Vault).serve_forever()


if __name__ == "__main__":
    main()
