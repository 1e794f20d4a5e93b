"""`sudo` of the range's first host. As a service: python3 sudo.py --serve PORT PROGRAM.

As a command it asks the service, which runs as root in a sandbox of its own, and which allows one
program with any arguments: that this program can start others is the hole.
"""

import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys

PORT = 5150
_TIME_S = 60


def note(event: str, **more: object) -> None:
    """One line of the log."""
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Service(socketserver.StreamRequestHandler):
    """Root's side: one command per connection."""

    allowed = ""

    def handle(self) -> None:
        """Run what is allowed, and say what it said."""
        line = self.rfile.readline(1 << 16)
        if not line:
            return
        asked = json.loads(line)
        argv = [str(one) for one in asked["argv"]]
        program = os.path.realpath(shutil.which(argv[0]) or argv[0])
        is_allowed = program == os.path.realpath(self.allowed)
        note("sudo", command=" ".join(argv)[:2000], is_allowed=is_allowed)
        if not is_allowed:
            said, code = b"", 1
            error = f"Sorry, user deploy is not allowed to execute '{' '.join(argv)}' as root.\n"
            errors = error.encode()
        else:
            if set(argv) & {"-exec", "-execdir", "-ok", "-okdir", "-fprintf", "-fprint"}:
                note("root_ran", by="sudo", command=" ".join(argv)[:2000])
            try:
                done = subprocess.run(  # noqa: S603
                    argv,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_TIME_S,
                    check=False,
                )
                said, errors, code = done.stdout, done.stderr, done.returncode
            except (subprocess.TimeoutExpired, OSError) as failed:
                said, errors, code = b"", f"sudo: {failed}\n".encode(), 1
        answer = {"out": said[: 1 << 18].hex(), "err": errors[: 1 << 16].hex(), "code": code}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def serve(port: int, allowed: str) -> None:
    """Root's service, until ended."""
    Service.allowed = allowed
    socketserver.ThreadingTCPServer(("127.0.0.1", port), Service).serve_forever()


def main() -> int:
    """The command."""
    argv = sys.argv[1:]
    if argv[:1] == ["--serve"]:
        serve(int(argv[1]), argv[2])
    rules = os.environ.get("SUDO_RULES", "")
    while argv and argv[0].startswith("-"):
        option = argv.pop(0)
        if option in ("-l", "--list"):
            print(rules or "Sorry, user deploy may not run sudo on web.")  # noqa: T201
            return 0 if rules else 1
        if option in ("-u", "--user") and argv:
            argv.pop(0)
    if not argv or not rules:
        print("sudo: a password is required", file=sys.stderr)  # noqa: T201
        return 1
    with socket.create_connection(("127.0.0.1", PORT), timeout=_TIME_S + 10) as connection:
        connection.sendall(json.dumps({"argv": argv}).encode() + b"\n")
        with connection.makefile("rb") as answer:
            got = json.loads(answer.readline())
    sys.stdout.buffer.write(bytes.fromhex(got["out"]))
    sys.stdout.flush()
    sys.stderr.buffer.write(bytes.fromhex(got["err"]))
    return int(got["code"])


if __name__ == "__main__":
    sys.exit(main())
