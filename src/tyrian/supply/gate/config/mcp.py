"""Configurations of MCP clients: which servers are started, and what stands before them.

Forms: Claude Desktop, Claude Code, Cursor, Windsurf, Gemini and others (`mcpServers`), VS Code
(`servers`), Zed (`context_servers`).
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tyrian.supply.gate.config.document import Document, mapping, texts
from tyrian.supply.gate.config.secret import is_secret, secret_named
from tyrian.supply.gate.finding import GateFinding, Place, found

_FILES = frozenset(
    {"mcp.json", ".mcp.json", "claude_desktop_config.json", "mcp_config.json", "mcp_settings.json"}
)
_KEYS = ("mcpServers", "servers", "context_servers")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NPM = re.compile(r"(?:@[\w.-]+/)?[\w.-]+@v?\d+\.\d+\.\d+(?:[-+][\w.-]+)?")
_PYPI = re.compile(r"[\w.-]+(?:\[[\w,.-]+\])?(?:==|@)v?\d+(?:\.\d+)+[\w.+-]*")
_GIT = re.compile(r"git\+\w+://\S+@[0-9a-f]{40}(?:#\S*)?")
_NPM_RUNNERS = frozenset({"npx", "bunx", "pnpx"})
_PYPI_RUNNERS = frozenset({"uvx", "pipx"})
_ENGINES = frozenset({"docker", "podman", "nerdctl"})
_TAKE_VALUE = frozenset(
    {
        *("-e", "--env", "-v", "--volume", "--mount", "--name", "--network", "--net", "-p"),
        *("--publish", "-u", "--user", "-w", "--workdir", "--entrypoint", "--env-file", "-m"),
        *("--memory", "--cpus", "--platform", "--pull", "--add-host", "--label", "-l", "--gpus"),
        *("--security-opt", "--cap-drop", "--cap-add", "--tmpfs", "--registry", "--python"),
        "--index-url",
    }
)
_PACKAGE_OPTIONS = ("-p", "--package", "--from", "--spec", "--with")


def is_mcp_file(path: str) -> bool:
    """Whether a file is the configuration of an MCP client by its name."""
    whole = PurePosixPath(path)
    return whole.name in _FILES or (
        whole.name == "settings.json" and whole.parent.name in (".gemini", ".zed", "zed", ".vscode")
    )


def servers_of(document: Document) -> dict[tuple[str, ...], dict[str, Any]]:
    """The servers of a configuration by their place in it."""
    found_servers: dict[tuple[str, ...], dict[str, Any]] = {}
    top = mapping(document.data)
    for above in ((), ("mcp",)):
        level = mapping(top.get("mcp")) if above else top
        for key in _KEYS:
            for name, server in mapping(level.get(key)).items():
                if isinstance(server, dict):
                    found_servers[(*above, key, name)] = server
    return found_servers


def judge_mcp(path: str, document: Document) -> Iterator[GateFinding]:
    """What is unpinned, unguarded or in the open in a configuration."""
    for at, server in servers_of(document).items():
        if server.get("disabled") is True:
            continue
        name = at[-1]
        place = Place(path, document.line(*at))
        yield from _environment(path, document, at, server)
        for key in ("autoApprove", "alwaysAllow"):
            if server.get(key):
                line = Place(path, document.line(*at, key))
                why = f"{name} has {key} for {', '.join(texts(server[key]))[:80]}"
                yield found(line, "mcp-auto-approve", name, why)
        if server.get("trust") is True:
            why = f"{name} has trust: true, so that no call of its tools is asked about"
            yield found(Place(path, document.line(*at, "trust")), "mcp-auto-approve", name, why)
        yield from _server(place, name, server)


def _server(place: Place, name: str, server: dict[str, Any]) -> Iterator[GateFinding]:
    url = server.get("url") or server.get("serverUrl") or server.get("httpUrl")
    if isinstance(url, str) and url:
        split = urlsplit(url)
        if split.hostname not in _LOCAL:
            if split.scheme == "http":
                yield found(place, "mcp-plain-http", name, f"{name} is reached by {url[:80]}")
            yield found(place, "mcp-unguarded", name, f"{name} is asked at {split.hostname} itself")
        return
    told = server.get("command")
    if isinstance(told, dict):  # Zed: command: {path, args}
        server, told = told, told.get("path")
    if not isinstance(told, str):
        return
    words = [told, *texts(server.get("args"))] if " " not in told else [*told.split()]
    if " " in told:
        words += texts(server.get("args"))
    yield from judge_command(place, name, words)


def judge_command(place: Place, name: str, words: list[str]) -> Iterator[GateFinding]:
    """What the command of a server fetches, and whether the proxy stands before it."""
    inner = unwrapped(words)
    if inner is None:
        yield found(place, "mcp-unguarded", name, f"{name} is started as {' '.join(words)[:80]}")
        inner = words
    if why := unpinned(inner):
        yield found(place, "mcp-unpinned", name, f"{name} {why}")


def unwrapped(words: list[str]) -> list[str] | None:
    """The server's own command behind Tyrian's proxy; None where there is no proxy."""
    parts = [PurePosixPath(word).name for word in words]
    for at, part in enumerate(parts):
        is_ours = part in ("tyrian", "tyrian.exe") or words[at] in ("tyrian.cli.main", "tyrian")
        if is_ours and words[at + 1 : at + 3] == ["mcp", "proxy"]:
            rest = words[at + 3 :]
            inner = rest[rest.index("--") + 1 :] if "--" in rest else []
            while inner[1:2] == ["run"] and "--" in inner:  # the sandbox within the proxy
                inner = inner[inner.index("--") + 1 :]
            return inner
    return None


def unpinned(words: list[str]) -> str:
    """What a command fetches in a version that nobody fixed, in words; empty where nothing."""
    if not words:
        return ""
    runner = PurePosixPath(words[0].replace("\\", "/")).name.lower()
    runner = runner.removesuffix(".cmd").removesuffix(".exe")
    rest = words[1:]
    if runner in ("cmd", "sh", "bash", "env") and rest:  # cmd /c npx ...
        inner = [word for word in rest if word.lower() not in ("/c", "-c", "-lc")]
        inner = inner[0].split() if len(inner) == 1 else inner
        while inner and "=" in inner[0]:
            inner = inner[1:]
        return unpinned(inner)
    if runner in ("npm", "pnpm", "yarn", "bun") and rest[:1] in (["exec"], ["dlx"], ["x"]):
        runner, rest = "npx", rest[1:]
    if (runner, *rest[:2]) == ("uv", "tool", "run"):
        runner, rest = "uvx", rest[2:]
    if runner == "pipx" and rest[:1] == ["run"]:
        rest = rest[1:]
    if runner in _NPM_RUNNERS | _PYPI_RUNNERS:
        package = _package(rest)
        form = _NPM if runner in _NPM_RUNNERS else _PYPI
        if package and not package.startswith((".", "/")) and not _is_fixed(package, form):
            return f"runs {package[:80]} through {runner}, in whatever version is the newest"
    if runner in _ENGINES and "run" in rest:
        image = _operand(rest[rest.index("run") + 1 :])
        if image and "@sha256:" not in image:
            return f"runs the image {image[:80]}, which has no digest"
    return ""


def _is_fixed(package: str, form: re.Pattern[str]) -> bool:
    return bool(form.fullmatch(package) or _GIT.fullmatch(package))


def _package(words: list[str]) -> str:
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in _PACKAGE_OPTIONS[:4]:
            return value if equals else (words[number + 1] if number + 1 < len(words) else "")
    return _operand(words)


def _operand(words: list[str]) -> str:
    """The first word that is no option, nor the value of one."""
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word.startswith("-"):
            is_value = word in _TAKE_VALUE
        else:
            return word
    return ""


def _environment(
    path: str, document: Document, at: tuple[str, ...], server: dict[str, Any]
) -> Iterator[GateFinding]:
    for key in ("env", "headers"):
        for name, value in mapping(server.get(key)).items():
            text = str(value).removeprefix("Bearer ")
            is_header = key == "headers" and name.lower() in ("authorization", "x-api-key")
            if is_secret("token" if is_header else name, text):
                yield secret_named(Place(path, document.line(*at, key, name)), name)
