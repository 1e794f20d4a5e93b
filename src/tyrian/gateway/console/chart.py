"""Bar charts as numbers that a template draws: the server does the sums, the browser none.

Bars are drawn in an SVG that stretches; words stand beside it in HTML, so that they stay readable
at every width.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_SERIES = 5
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar; the whole drawing is 100 high."""

    y: float
    height: float
    series: int
    """1 to MAX_SERIES: its colour."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time; `x` counts bars from 0."""

    x: int
    segments: tuple[Segment, ...]
    title: str
    """What a pointer or a screen reader is told."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and its words."""

    bars: tuple[Bar, ...]
    width: int
    """Bars."""
    ticks: tuple[tuple[float, str], ...]
    """Height from the top, 0 to 100, and what stands there."""
    labels: tuple[str, ...]
    """Under the first, the middle and the last bar."""
    series: tuple[str, ...]
    total: float

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return self.total == 0


def stacked(
    times: Sequence[int],
    values: Mapping[str, Mapping[int, float]],
    *,
    step_s: int,
    words: Callable[[float], str],
) -> Chart:
    """A bar for each time, of the greatest series and all others together."""
    totals = {name: sum(series.values()) for name, series in values.items()}
    names = sorted((n for n in totals if totals[n]), key=lambda name: (-totals[name], name))
    shown = names if len(names) <= MAX_SERIES else [*names[: MAX_SERIES - 1], OTHERS]
    merged: dict[str, Mapping[int, float]] = {name: values[name] for name in shown if name in names}
    if OTHERS in shown and OTHERS not in merged:
        rest = names[MAX_SERIES - 1 :]
        merged[OTHERS] = {at: sum(values[name].get(at, 0) for name in rest) for at in times}
    heights = [sum(series.get(at, 0) for series in merged.values()) for at in times]
    top = _round_up(max(heights, default=0))
    bars = tuple(
        _bar(i, at, [merged[name].get(at, 0) for name in shown], shown, top, step_s, words)
        for i, at in enumerate(times)
    )
    ticks = tuple((100 - 50 * i, words(top * i / 2)) for i in range(3)) if top else ()
    middle = times[len(times) // 2]
    labels = tuple(_label(at, step_s) for at in (times[0], middle, times[-1]))
    return Chart(bars, len(times), ticks, labels, tuple(shown), sum(totals.values()))


def _bar(
    x: int,
    at: int,
    values: Sequence[float],
    names: Sequence[str],
    top: float,
    step_s: int,
    words: Callable[[float], str],
) -> Bar:
    segments: list[Segment] = []
    y = 100.0
    for i, value in enumerate(values, start=1):
        if value and top:
            height = 100 * value / top
            y -= height
            segments.append(Segment(round(y, 2), round(height, 2), i))
    parts = [f"{name} {words(value)}" for name, value in zip(names, values, strict=True) if value]
    return Bar(x, tuple(segments), f"{_label(at, step_s)}: {', '.join(parts) or 'nothing'}")


def _round_up(value: float) -> float:
    """The next 1, 2, 4 or 10 times a power of ten, so that half of it can be read too."""
    if value <= 0:
        return 0.0
    power: float = 10 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if value <= power * step * 1.000001)


def _label(at: int, step_s: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if step_s >= 86_400:
        return moment.strftime("%d %b").lstrip("0")
    if step_s >= 6 * 3_600:
        return moment.strftime("%d %b %H:%M").lstrip("0")
    return moment.strftime("%H:%M")
