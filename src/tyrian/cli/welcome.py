"""What `tyrian serve` tells people when it starts."""

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

from tyrian.core.detection import DetectorInfo, Stage
from tyrian.models.scripted import MODEL_ID

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104


def url_of(host: str, port: int) -> str:
    """The URL under which this machine reaches the gateway."""
    shown = _EVERYWHERE.get(host) or (f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def setup_line(url: str, secret: str) -> str:
    """The link that signs somebody in; what stands in a fragment never leaves the browser.

    Passkeys need a name, so this machine is `localhost` here.
    """
    named = url.replace("://127.0.0.1", "://localhost", 1).replace("://[::1]", "://localhost", 1)
    return f"{named}/setup#{secret}"


def curl_line(url: str, token: str, model: str) -> str:
    """A request that works as it stands, on one line."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    return (
        f"curl {url}/v1/chat/completions"
        f" -H {shlex.quote(f'Authorization: Bearer {token}')}"
        f" -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


def welcome(url: str, token: str, model: str, link: str) -> str:
    """The first start: the key, a line to paste, and a page to open."""
    lines = [
        f"Tyrian guards {url}/v1",
        "",
        "Your key, shown only now:",
        f"  {token}",
        "",
        "Try it:",
        curl_line(url, token, model),
        "",
        "Or open the console; this link signs you in, once, within an hour:",
        f"  {setup_line(url, link)}",
    ]
    if model == MODEL_ID:
        lines += [
            "",
            "No model server is named, so the built-in scripted model answers.",
            "Start with --upstream URL for a real one.",
        ]
    return "\n".join(lines)


def later_start(url: str, data: Path | None, link: str) -> str:
    """Any later start: keys are not shown again; a link is, until somebody has an account."""
    option = f" --data {shlex.quote(str(data))}" if data is not None else ""
    return (
        f"Tyrian guards {url}/v1\nConsole: {setup_line(url, link) if link else url + '/'}\n"
        f"Your key was shown at the first start; make another with: tyrian keys create NAME{option}"
    )


def fallbacks(infos: Iterable[tuple[Stage, DetectorInfo]]) -> list[str]:
    """One line for each guard that runs on another backend than was asked for."""
    stages: dict[tuple[str, str, str], list[str]] = {}
    for stage, info in infos:
        if info.fallback:
            stages.setdefault((info.name, info.backend, info.fallback), []).append(stage.value)
    return [
        f"Guard {name} ({', '.join(where)}) runs on its {backend} model: {why}"
        for (name, backend, why), where in stages.items()
    ]


def no_guards_warning() -> str:
    """What stands on standard error when nothing is judged."""
    return "WARNING: --no-guards: nothing is judged; every request and answer passes as it is."
