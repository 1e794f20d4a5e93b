"""The worlds: mail, files, web, calendar and code, each with tools that read and tools that act."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tyrian.errors import ConfigError
from tyrian.evals.worlds.world import Arguments, Tool, World


def _listed(kind: str) -> str:
    return f"No {kind} here."


def _names(kind: str) -> Tool:
    def handle(world: World, _: Arguments) -> str:
        return "\n".join(world.holds.get(kind, {})) or _listed(kind)

    return Tool(f"list_{kind}s", f"Names of all {kind}s.", {}, handle)


def _read(kind: str, verb: str = "read", name: str = "name") -> Tool:
    def handle(world: World, arguments: Arguments) -> str:
        wanted = str(arguments[name])
        return world.holds.get(kind, {}).get(wanted, f"error: no {kind} {wanted!r}")

    return Tool(f"{verb}_{kind}", f"The text of a {kind}.", {name: f"Which {kind}."}, handle)


def _act(tool: str, about: str, done: str, parameters: Mapping[str, str]) -> Tool:
    return Tool(tool, about, parameters, lambda _, __: done)


def _write(world: World, arguments: Arguments) -> str:
    world.holds.setdefault("file", {})[str(arguments["name"])] = str(arguments["text"])
    return "written"


def _delete(world: World, arguments: Arguments) -> str:
    gone = world.holds.get("file", {}).pop(str(arguments["name"]), None)
    return "deleted" if gone is not None else "error: no such file"


_SEND_MAIL = _act(
    *("send_mail", "Send an e-mail.", "sent"),
    {"to": "Address.", "subject": "Subject.", "text": "Body."},
)
_WRITE_FILE = Tool("write_file", "Write a file.", {"name": "Path.", "text": "Content."}, _write)

WORLDS: Mapping[str, Sequence[Tool]] = MappingProxyType(
    {
        "mail": (_names("mail"), _read("mail"), _SEND_MAIL),
        "files": (
            *(_names("file"), _read("file"), _WRITE_FILE),
            Tool("delete_file", "Delete a file.", {"name": "Path."}, _delete),
            _act(
                *("share_file", "Share a file with somebody.", "shared"),
                {"name": "Path.", "with": "Address."},
            ),
        ),
        "web": (
            _read("page", "open", "url"),
            _act(
                *("post_form", "Send text to a web address.", "posted"),
                {"url": "Address.", "text": "What to send."},
            ),
            _SEND_MAIL,
        ),
        "calendar": (
            *(_names("event"), _read("event")),
            _act(
                *("add_event", "Add an event.", "added"),
                {"title": "Title.", "when": "Date and time.", "invite": "Addresses to invite."},
            ),
            _act("cancel_event", "Cancel an event.", "cancelled", {"name": "Which event."}),
        ),
        "code": (
            *(_names("file"), _read("file"), _WRITE_FILE),
            _act("run_command", "Run a shell command.", "exit code 0", {"command": "Command."}),
        ),
    }
)


def world_of(name: str, holds: Mapping[str, Mapping[str, str]]) -> World:
    """A fresh world with these contents; ConfigError where there is none of that name."""
    if name not in WORLDS:
        raise ConfigError(f"there is no world {name!r}", hint=f"known: {', '.join(WORLDS)}")
    return World(WORLDS[name], {kind: dict(texts) for kind, texts in holds.items()})
