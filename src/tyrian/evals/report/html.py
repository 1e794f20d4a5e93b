"""The report for people: one HTML file that needs nothing else, on screen and on paper."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tyrian.evals.benchmark import Measure
from tyrian.evals.report.content import Content, ModelResult, Reading, Section
from tyrian.evals.report.plot import Point, intervals, numbers
from tyrian.evals.report.visible import visible


def as_html(content: Content) -> str:
    """The whole report; every text of models and data is escaped and made visible."""
    page = _environment().from_string(_file("report.html"))
    return page.render(content=content, style=Markup(_file("report.css")))  # noqa: S704


@cache
def _environment() -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["visible"] = visible
    made.globals |= {
        "models_plot": models_plot,
        "slices_plot": slices_plot,
        "numbers": _numbers,
        "estimate": numbers,
        "measures": _measures,
    }
    return made


def _file(name: str) -> str:
    return (files("tyrian.evals.report") / name).read_text(encoding="utf-8")


def _measures(section: Section) -> list[Reading]:
    """One reading of each measure, for its titles."""
    found: dict[str, Reading] = {}
    for result in section.results:
        for reading in result.readings:
            found.setdefault(reading.measure.name, reading)
    return list(found.values())


def models_plot(section: Section, name: str) -> Markup:
    """All models of a section on one measure."""
    points, measure = [], None
    for result in section.results:
        for reading in result.readings:
            if reading.measure.name == name:
                measure = reading.measure
                points.append(Point(visible(result.model), reading.shown))
    return _plot(points, measure)


def slices_plot(result: ModelResult, dimension: str, name: str) -> Markup:
    """One model on one measure, by the values of a dimension."""
    points, measure = [], None
    for value, readings in result.slices[dimension].items():
        for reading in readings:
            if reading.measure.name == name:
                measure = reading.measure
                points.append(Point(visible(value).replace("_", " "), reading.shown))
    return _plot(points, measure)


def _plot(points: list[Point], measure: Measure | None) -> Markup:
    if measure is None:
        return Markup()
    svg = intervals(points, highest=measure.highest, percent=measure.highest == 1.0)
    return Markup(svg)  # noqa: S704


def _numbers(reading: Reading) -> str:
    return numbers(reading.shown, percent=reading.measure.highest == 1.0)
