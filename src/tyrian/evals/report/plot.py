"""Plots as SVG markup: points with their intervals, readable on screen, on paper, without colour.

Nothing but numbers and escaped text goes into the markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tyrian.evals.statistics.intervals import Estimate

WIDTH, LABEL, VALUE, ROW, TOP = 720, 200, 185, 24, 18


@dataclass(frozen=True, slots=True)
class Point:
    """One row of a plot."""

    label: str
    estimate: Estimate


def intervals(points: Sequence[Point], *, highest: float = 1.0, percent: bool = True) -> str:
    """A dot and a line for each estimate on one scale, its numbers beside it."""
    low = min([0.0, *(point.estimate.low for point in points)])
    low = -0.5 * round(-low / 0.5 + 0.499) if low < 0 else 0.0
    height = TOP + ROW * len(points) + 26
    span = WIDTH - LABEL - VALUE

    def x(value: float) -> float:
        return LABEL + span * (min(highest, max(low, value)) - low) / (highest - low)

    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(_spoken(points, percent))}">'
    ]
    ticks = [low + (highest - low) * part / 4 for part in range(5)]
    parts += [
        f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 8}" '
        f'y2="{height - 20}"/><text class="tick" x="{x(tick):.1f}" y="{height - 6}">'
        f"{_number(tick, percent, 0)}</text>"
        for tick in ticks
    ]
    for row, point in enumerate(points):
        y = TOP + ROW * row + 6
        one = point.estimate
        parts.append(f'<text class="label" x="0" y="{y + 4}">{escape(_short(point.label))}</text>')
        if one.n:
            parts.append(
                f'<line class="range" x1="{x(one.low):.1f}" x2="{x(one.high):.1f}" '
                f'y1="{y}" y2="{y}"/><circle class="dot" cx="{x(one.value):.1f}" cy="{y}" r="4"/>'
            )
        parts.append(
            f'<text class="value" x="{WIDTH}" y="{y + 4}">{escape(numbers(one, percent))}</text>'
        )
    return "".join([*parts, "</svg>"])


def numbers(one: Estimate, percent: bool = True) -> str:
    """An estimate with its interval, as text."""
    if not one.n:
        return "no case scored"
    low, high = _number(one.low, percent, 1), _number(one.high, percent, 1)
    return f"{_number(one.value, percent, 1)} [{low}, {high}]"


def _number(value: float, percent: bool, digits: int) -> str:
    return f"{value * 100:.{digits}f}%" if percent else f"{value:.{max(1, digits)}f}"


def _short(label: str) -> str:
    return label if len(label) <= 30 else label[:29] + "…"


def _spoken(points: Sequence[Point], percent: bool) -> str:
    return "; ".join(f"{point.label}: {numbers(point.estimate, percent)}" for point in points)
