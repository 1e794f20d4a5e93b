"""The report as JUnit XML, so that CI shows broken limits as failed tests."""

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from tyrian.evals.report.content import Content
from tyrian.evals.report.plot import numbers
from tyrian.evals.report.visible import visible

_OUTSIDE_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(content: Content, broken: Iterable[str] = ()) -> str:
    """A test per figure; one failed test for each broken limit."""
    cases = [
        f"  <testcase classname={_attribute(section.title)} "
        f"name={_attribute(f'{reading.measure.title}, {result.model}')}>"
        f"<system-out>{_text(numbers(reading.shown))}</system-out></testcase>"
        for section in content.sections
        for result in section.results
        for reading in result.readings
    ]
    failures = [
        f'  <testcase classname="limits" name={_attribute(one)}>'
        f"<failure message={_attribute(one)}/></testcase>"
        for one in broken
    ]
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="tyrian eval" tests="{len(cases) + len(failures)}" '
        f'failures="{len(failures)}">'
    )
    return "\n".join([head, *cases, *failures, "</testsuite>", ""])


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _text(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    return _OUTSIDE_XML.sub("?", visible(text, 500))
