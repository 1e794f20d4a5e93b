"""What a stack may name that comes from the console, and not from whoever has the machine.

A stack file names files and environment variables. Who edits it on the machine can read those
anyway; a person with a browser cannot, and must not get at them by way of the gateway.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tyrian.errors import StackError
from tyrian.stack.schema import GUARD_LISTS
from tyrian.stack.source import KeyPath, Plain, read_source

_SENT_HINT: Final = "name it in the file itself, once; or leave the key out here"
_FILE_HINT: Final = "use a file below the folder of the stack file, or change the file there"
_OWN: Final = "TYRIAN_"
_SENT: Final = frozenset({"api_key_env", "password_env"})
"""Fields that name a variable whose value goes to the server beside them."""
_VARIABLES: Final = _SENT | {"webhook_secret_env"}
_SERVERS: Final = ("base_url", "url", "host")


def bound_faults(text: str, running: str, *, base: Path, file: str) -> list[StackError]:
    """What a text names that the running one does not, and that only the machine may give it.

    Nothing that it names is opened. A text that is no stack has no such faults.
    """
    try:
        source = read_source(text.removeprefix("\ufeff"), file)
    except StackError:
        return []
    runs = _running(running)
    known = _named_by(runs, base)
    found = [
        source.error(
            f"{value!r} lies outside of the folder of the stack file", path, hint=_FILE_HINT
        )
        for path, value in _paths(source.data)
        if not _is_below(value, base) and value not in known
    ]
    if _audit_path(source.data) != _audit_path(runs):
        message = "where the record of decisions is written can be changed in the file itself only"
        found.append(source.error(message, ("audit", "path")))
    for path, value in _variables(source.data, ()):
        if value.upper().startswith(_OWN) and value not in known:
            message, hint = f"{value} is the gateway's own", "name another environment variable"
            found.append(source.error(message, path, hint=hint))
    given = {(value, server) for _, value, server in _sent(runs, (), "")}
    for path, value, server in _sent(source.data, (), ""):
        if (value, server) not in given and not value.upper().startswith(_OWN):
            message = f"what {value} holds is not sent to {server or 'another server'} yet"
            found.append(source.error(message, path, hint=_SENT_HINT))
    return found


def files_named(text: str, base: Path) -> list[Path]:
    """The files that a stack names and that are there; weights are left out."""
    found = {base / Path(value).expanduser() for _, value in _paths(_data_of(text))}
    return sorted(path for path in found if path.is_file())


def _named_by(data: Plain, base: Path) -> set[str]:
    names = {value for _, value in _paths(data)} | {value for _, value in _variables(data, ())}
    return names | {str(base / value) for _, value in _paths(data)}


@lru_cache(maxsize=1)
def _running(text: str) -> dict[str, Plain]:
    """What runs, which every check is compared with; callers only read it."""
    return _data_of(text)


def _data_of(text: str) -> dict[str, Plain]:
    try:
        return read_source(text.removeprefix("\ufeff"), "").data
    except StackError:
        return {}


def _is_below(value: str, base: Path) -> bool:
    try:
        return Path(base / Path(value).expanduser()).resolve().is_relative_to(base.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _paths(data: Plain) -> Iterator[tuple[KeyPath, str]]:
    """The files that a stack names, as it writes them."""
    agent = _below(data, "agent")
    config = _below(_below(agent, "policy_runtime"), "config")
    if isinstance(config, str):
        yield ("agent", "policy_runtime", "config"), config
    mounts = _below(_below(agent, "sandbox"), "mounts")
    for inside, host in mounts.items() if isinstance(mounts, dict) else ():
        if isinstance(host, str):
            yield ("agent", "sandbox", "mounts", inside), host
    for key in GUARD_LISTS:
        guards = _below(agent, key)
        for i, guard in enumerate(guards if isinstance(guards, list) else ()):
            yield from _paths_of_guard(guard, ("agent", key, i))


def _paths_of_guard(guard: Plain, at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    taxonomy = _below(guard, "taxonomy")
    if isinstance(taxonomy, str):
        yield (*at, "taxonomy"), taxonomy
    patterns = _below(guard, "patterns")
    for i, entry in enumerate(patterns if isinstance(patterns, list) else ()):
        words = _below(entry, "words_file")
        if isinstance(words, str):
            yield (*at, "patterns", i, "words_file"), words
    # Names of weights and options are open words: only what can be nothing but a path counts.
    for key in ("model", "options"):
        for path, value in _strings(_below(guard, key), (*at, key)):
            if value.startswith(("/", "~")) or ".." in value.replace("\\", "/").split("/"):
                yield path, value


def _variables(data: Plain, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _VARIABLES and isinstance(value, str):
                yield (*path, key), value
            yield from _variables(value, (*path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _variables(value, (*path, i))


def _sent(data: Plain, path: KeyPath, server: str) -> Iterator[tuple[KeyPath, str, str]]:
    """The variables whose values leave the machine, each with the server that gets it."""
    if isinstance(data, dict):
        near = next((data[key] for key in _SERVERS if isinstance(data.get(key), str)), None)
        server = server if near is None else _origin(str(near))
        for key, value in data.items():
            if key in _SENT and isinstance(value, str) and value:
                yield (*path, key), value, server
            yield from _sent(value, (*path, key), server)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _sent(value, (*path, i), server)


def _origin(server: str) -> str:
    """The part of an address that says which server it is."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else server.lower()


def _strings(data: Plain, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _strings(value, (*path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _strings(value, (*path, i))


def _below(data: Plain, key: str) -> Plain:
    return data.get(key) if isinstance(data, dict) else None


def _audit_path(data: Plain) -> Plain:
    return _below(_below(data, "audit"), "path")
