"""The report for people: one HTML file that needs nothing else, on screen and on paper."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tyrian.supply.report.content import Content, measures
from tyrian.supply.report.evidence import Stand

_CLASSES = {
    Stand.FOR.value: "for",
    Stand.AGAINST.value: "against",
    Stand.OPEN.value: "open",
    Stand.MEASURED.value: "measured",
}
_STEP = 1000


def as_html(content: Content) -> str:
    """The whole report; every text from outside is escaped, and what it hides is shown."""
    page = _environment().from_string(_file("page.html"))
    return page.render(content=content, style=Markup(_file("page.css")))  # noqa: S704


@cache
def _environment() -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["visible"] = visible
    made.globals |= {
        "percent": percent,
        "size": size,
        "measures": measures,
        "classes": _CLASSES,
    }
    return made


def _file(name: str) -> str:
    return (files("tyrian.supply.report") / name).read_text(encoding="utf-8")


def visible(text: str) -> str:
    """A text without what steers a terminal or a reader's eye."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def percent(share: float) -> str:
    """A share of 0..1; never 100 % or 0 % where it is not quite that."""
    if 0 < share < 1:
        share = min(max(share, 0.001), 0.999)
    return f"{share:.1%}" if share not in (0, 1) else f"{share:.0%}"


def size(count: int) -> str:
    """Bytes as people read them."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < _STEP:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} GB"
