"""Finds in the text as written and as a person reads it, with spans in the text as written."""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from tyrian.core.detection import Finding, View
from tyrian.detectors.haystack import Haystack, haystack
from tyrian.text.normalise import Normalised
from tyrian.text.views import text_views

Place = Callable[[int, int], tuple[int, int] | None]
"""From a span of the text that is read to the text as written; None where one is known there."""
Scan = Callable[[Haystack, Place], list[Finding]]


def read_both(view: View, scan: Scan) -> tuple[Finding, ...]:
    """Findings of both readings; of two that overlap, the one in the text as written."""
    found = scan(haystack(view), _as_written)
    read = _normalised(view)
    if read is None:
        return tuple(found)
    normalised, hay = read
    also = scan(hay, _outside(found, normalised))
    return tuple(sorted([*found, *also], key=_span) if also else found)


def read_each(view: View, scan: Scan) -> list[Finding]:
    """Findings of each reading, the same ones twice: for rules that know nothing of each other."""
    found = scan(haystack(view), _as_written)
    read = _normalised(view)
    return found if read is None else [*found, *scan(read[1], read[0].span)]


def _normalised(view: View) -> tuple[Normalised, Haystack] | None:
    """The text as a person reads it, None where that is the text as written."""
    if view.text.isascii():
        # Control characters are all that could hide here, and they split no token that counts.
        return None
    normalised = text_views(view).normalised
    if normalised.text == view.text:
        return None
    return normalised, view.derive("normalised-haystack", lambda: Haystack(normalised.text))


def _as_written(start: int, end: int) -> tuple[int, int]:
    return start, end


def _outside(found: list[Finding], normalised: Normalised) -> Place:
    """Places in the text as written, without those that overlap what was found there."""
    starts = [finding.start for finding in found]
    ends = list(accumulate((finding.end for finding in found), max))

    def place(start: int, end: int) -> tuple[int, int] | None:
        start, end = normalised.span(start, end)
        at = bisect_right(starts, end - 1) - 1
        return None if at >= 0 and ends[at] > start else (start, end)

    return place


def _span(finding: Finding) -> tuple[int, int]:
    return finding.start, finding.end
