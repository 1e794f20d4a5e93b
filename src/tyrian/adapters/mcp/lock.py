"""The lock file: what a person approved of each server, by digest."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from tyrian.errors import ConfigError

DEFAULT_NAME = "tyrian-mcp.lock.json"
MAX_BYTES = 16 * 1024 * 1024
_HINT = "make it anew with tyrian mcp approve"

_Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Server(BaseModel):
    model_config = ConfigDict(extra="forbid")
    instructions: _Digest | None = None
    tools: dict[str, _Digest] = {}
    prompts: dict[str, _Digest] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Literal[1]
    servers: dict[str, _Server]


_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Approved:
    """What was approved of one server: digests by name."""

    instructions: str = ""
    """Digest of what the server tells the model about itself; empty where nothing was approved."""
    tools: Mapping[str, str] = field(default_factory=lambda: _NONE)
    prompts: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def of(self, noun: str) -> Mapping[str, str]:
        """The digests of the tools, or of the prompts."""
        return {"tool": self.tools, "prompt": self.prompts}.get(noun, _NONE)


@dataclass(frozen=True, slots=True)
class Lock:
    """Approvals of several servers, by the name that each has here."""

    servers: Mapping[str, Approved]

    def foreign_tools(self, server: str) -> frozenset[str]:
        """The names of the tools that were approved of all other servers."""
        others = (approved for name, approved in self.servers.items() if name != server)
        return frozenset(tool for approved in others for tool in approved.tools)

    def with_server(self, name: str, approved: Approved) -> "Lock":
        """The same lock with one server's approvals replaced."""
        return replace(self, servers={**self.servers, name: approved})


def load_lock(path: Path, *, may_be_missing: bool = False) -> Lock:
    """Read a lock file; ConfigError where it is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if may_be_missing:
            return Lock({})
        raise ConfigError(f"there is no lock file {path}", hint=_HINT) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES:,} bytes", hint=_HINT)
    try:
        found = _File.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"{path} is no lock file: {place + ': ' if place else ''}{first['msg']}", hint=_HINT
        ) from None
    return Lock(
        {
            name: Approved(server.instructions or "", server.tools, server.prompts)
            for name, server in found.servers.items()
        }
    )


def save_lock(path: Path, lock: Lock) -> None:
    """Write a lock file whole or not at all; ConfigError where the disk does not take it."""
    servers = {
        name: _Server(
            instructions=approved.instructions or None,
            tools=dict(sorted(approved.tools.items())),
            prompts=dict(sorted(approved.prompts.items())),
        ).model_dump(exclude_none=True)
        for name, approved in sorted(lock.servers.items())
    }
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps({"version": 1, "servers": servers}, indent=2) + "\n", "utf-8")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
