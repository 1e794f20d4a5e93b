"""Containers of compose files."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from tyrian.supply.gate.config.container import POWERS, Container
from tyrian.supply.gate.config.document import Document, mapping, rows, texts
from tyrian.supply.gate.finding import Place

_NAME = re.compile(r"(?:docker-)?compose[\w.-]*\.ya?ml")
_DEFAULT = re.compile(r"\$\{\w+:?-([^}]*)\}")
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")


def is_compose(path: str, document: Document) -> bool:
    """Whether a document is a compose file: by its name, or by services that have images."""
    services = mapping(mapping(document.data).get("services"))
    if _NAME.fullmatch(PurePosixPath(path).name):
        return bool(services)
    return any(
        isinstance(one, dict) and {"image", "build"} & one.keys() for one in services.values()
    )


def compose_containers(path: str, document: Document) -> Iterator[Container]:
    """Every service that is described in full."""
    for name, service in mapping(mapping(document.data).get("services")).items():
        if isinstance(service, dict):
            yield _container(path, document, name, service)


def _container(path: str, document: Document, name: str, service: dict[str, Any]) -> Container:
    at = ("services", name)
    variables, lines = _variables(document, at, service.get("environment"))
    for key in ("image", "command"):
        if key in service:
            lines["words" if key == "command" else key] = document.line(*at, key)
    words = (*texts(service.get("entrypoint")), *texts(service.get("command")))
    ports = [str(mapping(one).get("published", one)) for one in rows(service.get("ports"))]
    inner = [_inner(one) for one in rows(service.get("ports")) + rows(service.get("expose"))]
    listens = _option_port(words)
    return Container(
        name=name,
        place=Place(path, document.line(*at)),
        image=_resolved(str(service.get("image") or "")),
        words=words,
        variables=variables,
        lines=lines,
        is_built="build" in service,
        powers=tuple(_powers(document, at, service)),
        published=tuple(
            (_shown(one), document.line(*at, "ports", number))
            for number, one in enumerate(rows(service.get("ports")))
            if _is_open(one)
        ),
        hosts=tuple(
            f"{host}:{port}" if port else host
            for host in (name, *filter(None, [str(service.get("container_name") or "")]))
            for port in ({*inner, *listens} or {""})
        ),
        ports=tuple(one.split(":")[-2] if one.count(":") else one for one in ports),
    )


def _resolved(text: str) -> str:
    """A value with the defaults of its variables, such as `${TAG:-latest}`."""
    return _DEFAULT.sub(lambda matched: matched[1], text)


def _inner(port: Any) -> str:
    told = mapping(port).get("target", port)
    return str(told).rpartition(":")[2].split("/")[0]


def _shown(port: Any) -> str:
    return str(mapping(port).get("published", port))


def _is_open(port: Any) -> bool:
    """Whether a port is published on every address."""
    if isinstance(port, dict):
        return bool(port.get("published")) and port.get("host_ip") not in ("127.0.0.1", "::1")
    return not str(port).startswith(("127.0.0.1:", "[::1]:", "localhost:"))


def _option_port(words: tuple[str, ...]) -> tuple[str, ...]:
    found = [
        words[number + 1] if word == "--port" else word.partition("=")[2]
        for number, word in enumerate(words)
        if (word == "--port" and number + 1 < len(words)) or word.startswith("--port=")
    ]
    return tuple(found)


def _variables(
    document: Document, at: tuple[str, ...], told: Any
) -> tuple[dict[str, str], dict[str, int]]:
    variables: dict[str, str] = {}
    lines: dict[str, int] = {}
    pairs: list[tuple[str, Any, int]] = []
    if isinstance(told, dict):
        pairs = [
            (name, value, document.line(*at, "environment", name)) for name, value in told.items()
        ]
    for number, one in enumerate(rows(told)):
        name, _, value = str(one).partition("=")
        pairs.append((name, value, document.line(*at, "environment", number)))
    for name, value, line in pairs:
        variables[name] = _resolved("" if value is None else str(value))
        lines[f"env {name}"] = line
    return variables, lines


def _powers(
    document: Document, at: tuple[str, ...], service: dict[str, Any]
) -> Iterator[tuple[str, int]]:
    if service.get("privileged") is True:
        yield "privileged: true", document.line(*at, "privileged")
    for key in ("network_mode", "pid", "ipc", "userns_mode"):
        if service.get(key) == "host":
            yield f"{key}: host", document.line(*at, key)
    for one in texts(service.get("cap_add")):
        if one.upper() in POWERS:
            yield f"the capability {one}", document.line(*at, "cap_add")
    for number, one in enumerate(rows(service.get("volumes"))):
        source = str(mapping(one).get("source", one)).split(":")[0]
        if source.endswith(_SOCKETS) or source == "/":
            yield f"{source} of the machine", document.line(*at, "volumes", number)
    for number, text in enumerate(texts(service.get("security_opt"))):
        if text in ("seccomp:unconfined", "seccomp=unconfined", "apparmor:unconfined"):
            yield text, document.line(*at, "security_opt", number)
