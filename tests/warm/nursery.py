"""Processes that have imported a command of `tyrian`, and fork one that runs it when asked.

The first process has imported nothing of ours. For each command, such as `serve` or `model scan`,
it keeps a fork that has resolved those words as the program does; that one forks again for every
call, and watches the child: when the caller goes, the child is killed.
"""

import io
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

GROUPS = ("attest", "bom", "data", "eval", "model")
"""Nouns whose verbs are imported one by one."""
SCRIPT = "script_of_a_test"
"""The module that a script of a test is imported as."""
SET = "="
"""Ends the words of a command that was called with settings in its environment."""
_FILES = 5
"""Standard input, output and errors, the directory, and the line to who asks."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to have run."""

    text: bytes
    files: list[int]

    @property
    def _parts(self) -> tuple[list[bytes], list[bytes]]:
        count, *rest = self.text.split(b"\0")
        return rest[: int(count)], rest[int(count) :]

    @property
    def words(self) -> list[str]:
        """What stood behind `tyrian`."""
        return [os.fsdecode(word) for word in self._parts[0]]

    @property
    def environment(self) -> dict[bytes, bytes]:
        """That of who asks."""
        pairs = (one.partition(b"=") for one in self._parts[1])
        return {name: value for name, _, value in pairs}

    @property
    def command(self) -> tuple[str, ...]:
        """The words that name a command, and whether settings send it to the whole parser."""
        if self.words and self.words[0].endswith(".py"):
            return (self.words[0],)
        count = 2 if self.words[:1] and self.words[0] in GROUPS else 1
        named = [word for word in self.words[:count] if word.isalpha()]
        is_set = any(name.lstrip(b"_").startswith(b"TYRIAN_") for name in self.environment)
        return (*named, SET) if is_set else tuple(named)

    def close(self) -> None:
        """Let go of its files."""
        for file in self.files:
            os.close(file)

    def take_over(self) -> None:
        """Give this process the files, the directory, the environment and the words."""
        os.setsid()
        os.fchdir(self.files[3])
        for number in range(3):
            os.dup2(self.files[number], number)
        self.close()
        os.environb.clear()
        os.environb.update(self.environment)
        for stream in (sys.stdout, sys.stderr):
            assert isinstance(stream, io.TextIOWrapper)
            stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())
            stream.reconfigure(write_through=b"PYTHONUNBUFFERED" in self.environment)
        sys.argv = [*([] if SCRIPT in sys.modules else sys.argv[2:]), *self.words]


def receive(line: socket.socket) -> Request | None:
    """The next request on a line; None where nobody is at its other end."""
    data, files, _, _ = socket.recv_fds(line, 1 << 16, _FILES)
    if not data:
        return None
    size = int.from_bytes(data[:4], "big")
    text = data[4:]
    while len(text) < size:
        text += line.recv(size - len(text))
    return Request(text, files)


def forward(request: Request, line: socket.socket) -> None:
    """Hand a request on."""
    data = len(request.text).to_bytes(4, "big") + request.text
    sent = socket.send_fds(line, [data], request.files)
    if sent < len(data):
        line.sendall(data[sent:])
    request.close()


@dataclass(frozen=True, slots=True)
class Child:
    """A process that runs, a handle on it, and the line to who asked for it."""

    process: int
    handle: int
    line: socket.socket

    def hear(self) -> None:
        """Pass on the signals that the caller had; without a caller it ends."""
        heard = b""
        with suppress(ConnectionError):
            heard = self.line.recv(16)
        for number in heard or [signal.SIGKILL]:
            signal.pidfd_send_signal(self.handle, number)

    def end(self) -> None:
        """Tell the caller how it ended."""
        _, status = os.waitpid(self.process, 0)
        with suppress(ConnectionError):
            self.line.sendall(status.to_bytes(4, "big"))
        self.close()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.handle)
        self.line.close()


def fork_for_each(requests: socket.socket) -> Request:
    """Fork for every request; returns in the children alone, each with its own."""
    children: list[Child] = []
    while True:
        handles = [one for child in children for one in (child.handle, child.line)]
        ready, _, _ = select.select([requests, *handles], [], [])
        for child in list(children):
            if child.handle in ready:
                child.end()
                children.remove(child)
            elif child.line in ready:
                child.hear()
        if requests not in ready:
            continue
        if not (request := receive(requests)):
            for child in children:
                signal.pidfd_send_signal(child.handle, signal.SIGKILL)
            sys.exit()
        line = socket.socket(fileno=request.files.pop())
        if process := os.fork():
            request.close()
            children.append(Child(process, os.pidfd_open(process), line))
            continue
        requests.close()
        line.close()
        for child in children:
            child.close()
        return request


def fork_for_each_command(listener: socket.socket) -> Request:
    """Fork for every command that is first asked for; returns in forks of those forks."""
    lines: dict[tuple[str, ...], socket.socket] = {}
    while True:
        ready, _, _ = select.select([sys.stdin, listener], [], [])
        if sys.stdin in ready:
            for line in lines.values():
                line.close()
            for _ in lines:
                os.wait()
            sys.exit()
        caller, _ = listener.accept()
        if not (request := receive(caller)):
            caller.close()
            continue
        request.files.append(caller.detach())
        if request.command not in lines:
            lines[request.command], requests = socket.socketpair()
            if not os.fork():
                for one in (listener, *lines.values()):
                    one.close()
                request.close()
                preload(request.command)
                return fork_for_each(requests)
            requests.close()
        forward(request, lines[request.command])


def preload(command: tuple[str, ...]) -> None:
    """Import what the program imports to find a command, and the guards of a stack if it has one.

    A fault shows again in the fork that runs the command.
    """
    if command and command[0].endswith(".py"):
        spec = spec_from_file_location(SCRIPT, command[0])
        assert spec
        assert spec.loader
        sys.modules[SCRIPT] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[SCRIPT])
        return
    quick = import_module("tyrian.cli.quick").QUICK
    target = quick.get(command) or quick.get(command[:1])
    with suppress(Exception):
        if target and command[-1] != SET:
            import_module(target.partition(":")[0])
        else:
            _resolve(command)
        if registry := sys.modules.get("tyrian.core.registry"):
            for target in registry.BUILTINS.values():
                import_module(target.partition(":")[0])


def _resolve(command: tuple[str, ...]) -> None:
    main, lazy = (import_module(f"tyrian.cli.{name}") for name in ("main", "lazy"))
    group: Any = main.typer.main.get_command(main.app)
    for word in command:
        if entry := getattr(group, "entries", {}).get(word):
            group = lazy.load(word, entry)


def main() -> None:
    """Run what is asked for by a listening socket; `nursery.py SOCKET PROGRAM`."""
    request = fork_for_each_command(socket.socket(fileno=int(sys.argv[1])))
    request.take_over()
    import_module(SCRIPT if SCRIPT in sys.modules else "tyrian.cli.entry").main()


if __name__ == "__main__":
    main()
