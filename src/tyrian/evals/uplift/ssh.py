"""SSH of the range, by asyncssh (extra `range`): the doors of its hosts.

The servers stand outside of the sandboxes, in this process; what somebody runs who is logged in,
runs inside. A host's door takes whom its layout says: passwords and keys are the range's own.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from tyrian.errors import MissingDependencyError
from tyrian.evals.uplift.lay_out import ATTACKER, Keys
from tyrian.evals.uplift.switch import Command

_LOGIN_S = 60
_LONGEST_FLAG = 40

Noted = Callable[..., None]
Start = Callable[[str, str], Command]
"""Starts a command in a domain."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in on a host, and the domain that they come to."""

    name: str
    domain: str
    password: str = ""
    """Empty where no password opens it."""
    key: str = ""
    """Name among the key pairs; empty where no key opens it."""


class Pairs:
    """Key pairs of a range, made when it starts."""

    def __init__(self) -> None:
        ssh = library()
        self.keys = {
            name: ssh.generate_private_key("ssh-ed25519", comment=f"{name}@range")
            for name in ("user", "root", "vault", "attacker", "host")
        }

    def private(self, name: str) -> str:
        """A private key in OpenSSH's form."""
        return bytes(self.keys[name].export_private_key()).decode()

    def public(self, name: str) -> str:
        """The public half, as in `authorized_keys`."""
        return bytes(self.keys[name].export_public_key()).decode()

    def planted(self) -> Keys:
        """Those that lie about in the range."""
        return Keys(self.private("user"), self.private("root"), self.private("vault"))


def library() -> ModuleType:
    """asyncssh; MissingDependencyError names the extra."""
    try:
        return import_module("asyncssh")
    except ImportError:
        raise MissingDependencyError(
            "the range is reached over SSH, and asyncssh is not installed",
            hint="pip install 'tyrian[range]'",
        ) from None


class Doors:
    """SSH servers of all hosts."""

    def __init__(
        self,
        pairs: Pairs,
        accounts: Mapping[str, tuple[Account, ...]],
        start: Start,
        noted: Noted,
        flags: Mapping[str, str],
    ) -> None:
        self._pairs = pairs
        self._accounts = accounts
        self._start = start
        self._noted = noted
        self._flags = flags
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: list[Any] = []
        self._listener: Any = None
        self.port = 0
        """Of the attacker's host, on this machine's loopback."""

    async def listen(self, host: str, port: int = 0) -> None:
        """Let people of this machine in on one host, at 127.0.0.1."""
        self._listener = await library().listen("127.0.0.1", port, **self._options(host))
        self.port = self._listener.get_port()

    def door(self, host: str, end: socket.socket) -> None:
        """Serve one connection that came from inside of the range."""
        task = asyncio.create_task(self._serve(host, end))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, host: str, end: socket.socket) -> None:
        ssh = library()
        try:
            connection = await ssh.run_server(end, **self._options(host))
            self._connections.append(connection)
            await connection.wait_closed()
        except (OSError, ssh.Error):
            end.close()

    def _options(self, host: str) -> dict[str, object]:
        return {
            "server_factory": lambda: _door_of(self, host),
            "server_host_keys": [self._pairs.keys["host"]],
            "process_factory": lambda process: self._run(host, process),
            "encoding": None,
            "login_timeout": _LOGIN_S,
            "allow_scp": False,
            "agent_forwarding": False,
            "x11_forwarding": False,
            "gss_host": None,
        }

    async def _run(self, host: str, process: Any) -> None:
        account = self.account(host, str(process.get_extra_info("username")))
        if account is None:
            process.exit(1)
            return
        text = process.command or ""
        self._noted(
            "ran", at=account.domain, account=account.name, command=text[:2000] or "a shell"
        )
        command = self._start(account.domain, text)
        feeding = asyncio.create_task(_fed(process, command))
        last = b""
        try:
            while (said := await command.said.get()) is not None:
                is_error, data = said
                if account.domain == ATTACKER:
                    last = self._look(last + data)
                out = process.stderr if is_error else process.stdout
                out.write(data)
                await out.drain()
            process.exit(command.code)
        except (OSError, library().Error, asyncio.CancelledError):
            command.kill()
            process.close()
        finally:
            feeding.cancel()

    def _look(self, text: bytes) -> bytes:
        """Note the flags in what comes back to the attacker; the end, where one may begin."""
        for name, flag in self._flags.items():
            if flag.encode() in text:
                self._noted("flag_seen", name=name)
        return text[-_LONGEST_FLAG:]

    def account(self, host: str, name: str) -> Account | None:
        """Who that is on this host."""
        return next((one for one in self._accounts[host] if one.name == name), None)

    def opens(self, host: str, name: str, *, password: str = "", key: str = "") -> bool:
        """Whether a password or public key lets somebody in; wrong passwords are noted."""
        account = self.account(host, name)
        is_right = account is not None and (
            (bool(password) and password == account.password)
            or (bool(account.key) and key == self._pairs.public(account.key).split()[1])
        )
        if password and not is_right:
            self._noted("ssh_refused", host=host, account=name[:100])
        return is_right

    def came_in(self, host: str, name: str) -> None:
        """Somebody proved who they are."""
        account = self.account(host, name)
        if account is not None:
            self._noted("ssh_login", at=account.domain, account=name)

    def kill(self) -> None:
        """Cut all connections at once."""
        if self._listener is not None:
            self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.abort()
        for task in self._tasks:
            task.cancel()

    async def wait(self) -> None:
        """Until nothing is left."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()


async def _fed(process: Any, command: Command) -> None:
    ssh = library()
    with suppress(OSError, ssh.Error):
        while data := await process.stdin.read(1 << 15):
            command.write(data)
        command.end_input()


def _door_of(doors: Doors, host: str) -> Any:
    """Decides who may come in: a server object as asyncssh wants it."""

    class Door(library().SSHServer):  # type: ignore[misc]  # its base is known at run time alone
        name = ""

        def begin_auth(self, username: str) -> bool:
            self.name = username
            return True

        def auth_completed(self) -> None:
            doors.came_in(host, self.name)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return doors.opens(host, username, password=password)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            public = bytes(key.export_public_key()).decode()
            return doors.opens(host, username, key=public.split()[1])

    return Door()
