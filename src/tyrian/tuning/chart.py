"""Line charts as self-contained SVG and HTML: no script, no font, no address of anything else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 44, 52
_COLOURS = ("#1f5fa8", "#b3471d", "#2e7d4f", "#7a4ea3", "#8a6d1b", "#3d7c8a", "#a13d63", "#555555")
_STYLE = "font:12px system-ui,sans-serif;background:#fff"


@dataclass(frozen=True, slots=True)
class Line:
    """Points (x, y), both 0..1, with a word for each that shows when it is pointed at."""

    name: str
    points: Sequence[tuple[float, float]]
    words: Sequence[str] = ()
    has_marks: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One pair of axes, both from 0 to 1 and shown in percent."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    most_x: float = 1.0
    """The right end of the x axis; points beyond are left out."""


def svg(charts: Iterable[Chart]) -> str:
    """All charts below each other, as one SVG document."""
    drawn = list(charts)
    height = max(1, len(drawn)) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" style="{_STYLE}" role="img">'
    ]
    for number, chart in enumerate(drawn):
        parts.append(f'<g transform="translate(0 {number * HEIGHT})">{_draw(chart)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def html(title: str, charts: Iterable[Chart], report: str) -> str:
    """A page with the charts and the report as text."""
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{escape(title)}</title>\n"
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;"
        "padding:0 1rem;color:#222}pre{overflow:auto;background:#f6f6f4;padding:1rem}"
        "svg{max-width:100%;height:auto}</style>\n"
        f"<h1>{escape(title)}</h1>\n{svg(charts)}<pre>{escape(report)}</pre>\n</html>\n"
    )


def _draw(chart: Chart) -> str:
    legend = "".join(
        f'<text x="{WIDTH - _RIGHT - 8}" y="{HEIGHT - _BOTTOM - 12 - 16 * n}" '
        f'text-anchor="end" fill="{_colour(n)}">{escape(line.name)}</text>'
        for n, line in enumerate(chart.lines[: len(_COLOURS) * 2])
    )
    lines = "".join(_line(line, _colour(n), chart.most_x) for n, line in enumerate(chart.lines))
    return (
        f'<text x="{_LEFT}" y="24" font-size="15" font-weight="600">{escape(chart.title)}</text>'
        f"{_axes(chart)}{lines}{legend}"
    )


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _x(value: float, most: float) -> float:
    return round(_LEFT + value / most * (WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float) -> float:
    return round(HEIGHT - _BOTTOM - value * (HEIGHT - _TOP - _BOTTOM), 1)


def _axes(chart: Chart) -> str:
    parts = []
    left, right, low, high = _x(0, 1), _x(1, 1), _y(0), _y(1)
    for step in range(6):
        share = step / 5
        y, x = _y(share), _x(share, 1)
        parts.append(f'<path d="M{left} {y}H{right}M{x} {low}V{high}" stroke="#e2e2de"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{share:.0%}</text>')
        mark = f"{share * chart.most_x * 100:.3g}%"
        parts.append(f'<text x="{x}" y="{low + 18}" text-anchor="middle">{mark}</text>')
    parts.append(f'<path d="M{left} {high}V{low}H{right}" fill="none" stroke="#444"/>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{low + 40}" text-anchor="middle">{escape(chart.x)}</text>')
    turn = f"rotate(-90 16 {(low + high) / 2})"
    parts.append(
        f'<text x="16" y="{(low + high) / 2}" text-anchor="middle" transform="{turn}">'
        f"{escape(chart.y)}</text>"
    )
    return "".join(parts)


def _line(line: Line, colour: str, most: float) -> str:
    inside = [(n, x, y) for n, (x, y) in enumerate(line.points) if x <= most + 1e-12]
    if not inside:
        return ""
    path = "L".join(f"{_x(x, most)} {_y(y)}" for _, x, y in inside)
    drawn = f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    if not line.has_marks:
        return drawn
    marks = "".join(
        f'<circle cx="{_x(x, most)}" cy="{_y(y)}" r="4" fill="{colour}">'
        f"<title>{escape(line.words[n]) if n < len(line.words) else ''}</title></circle>"
        for n, x, y in inside
    )
    return drawn + marks
