"""Jinja2 as the console uses it: everything escaped, nothing undefined, words for numbers."""

import re
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

PERIODS = (("month", "a month"), ("week", "a week"), ("day", "a day"), ("total", "altogether"))
"""The periods of budgets, in words."""

_ODD = re.compile(r"[^ -~]")
"""What may have to be shown by its number."""

_AGO = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@cache
def environment() -> Environment:
    """Templates of the console, and of the playground under `playground/`.

    One for the whole process: compiling them all takes 0.4 s, and nobody changes it.
    """
    made = Environment(
        loader=ChoiceLoader(
            [
                PrefixLoader(
                    {"playground": PackageLoader("tyrian.gateway.console", "playground/templates")}
                ),
                PackageLoader("tyrian.gateway.console"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        iso=iso,
        ago=ago,
        number=number,
        dollars=dollars,
        duration=duration,
        visible=visible,
        stage=stage,
        browser=browser,
    )
    made.globals.update(version=version("tyrian"))
    return made


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float, now: float | None = None) -> str:
    """How long ago, or ahead, in one word and a number; the day itself beyond a month."""
    passed = (time.time() if now is None else now) - seconds
    size = abs(passed)
    if size > 31 * 86_400:
        return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y").lstrip("0")
    for unit_s, name in _AGO:
        if size >= unit_s:
            count = round(size / unit_s)
            told = f"{count} {name}{'' if count == 1 else 's'}"
            return f"{told} ago" if passed > 0 else f"in {told}"
    return "just now" if passed >= 0 else "in a moment"


def number(value: float) -> str:
    """1234567 as 1.23 M, so that it can be taken in at a glance."""
    size = abs(value)
    for unit, sign in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            scaled = value / (1e3 if sign == "k" else unit)
            return f"{scaled:.3g} {sign}" if abs(scaled) < 1000 else f"{scaled:,.0f} {sign}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def dollars(nanos: int) -> str:
    """Nano-dollars as dollars: cents where there are many, more places where there are few."""
    value = nanos / 1e9
    if value == 0 or abs(value) >= 1:
        return f"${value:,.2f}"
    return f"${value:.4f}" if abs(value) >= 0.0001 else "under $0.0001"


def duration(seconds: float) -> str:
    """A time that something took."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def visible(text: str) -> str:
    """Characters that hide, or that turn the direction of writing, shown by their numbers."""
    lines = text.split("\n")
    return "\n".join(one if one.isprintable() else _ODD.sub(_shown, one) for one in lines)


def _shown(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else f"\\u{{{ord(found[0]):x}}}"


_STAGES = {
    "input": "what a user wrote",
    "output": "what the model answered",
    "tool-call": "a tool call",
    "tool-result": "what a tool returned",
    "document": "a document",
}


def stage(name: str) -> str:
    """Where a message stood, in words."""
    return _STAGES.get(name, name)


def browser(user_agent: str) -> str:
    """What a browser calls itself, in two words; an unknown one as it comes."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    )
    name = next((told for sign, told in names if sign in user_agent), "")
    if not name and "Safari/" in user_agent:
        name = "Safari"
    system = next((told for sign, told in systems if sign in user_agent), "")
    return " on ".join(part for part in (name, system) if part) or user_agent[:60] or "Unknown"
