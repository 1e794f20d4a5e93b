"""Finds in the text as written and as a person reads it, with spans in the text as written."""

from collections.abc import Callable
from dataclasses import replace

from tyrian.core.detection import Finding, View
from tyrian.detectors.haystack import Haystack, haystack
from tyrian.text.views import text_views

Scan = Callable[[Haystack], list[Finding]]


def read_both(view: View, scan: Scan) -> tuple[Finding, ...]:
    """Findings of both readings; of two that overlap, the one in the text as written."""
    found = scan(haystack(view))
    if view.text.isascii():
        # Control characters are all that could hide here, and they split no token that counts.
        return tuple(found)
    normalised = text_views(view).normalised
    if normalised.text == view.text:
        return tuple(found)
    hay = view.derive("normalised-haystack", lambda: Haystack(normalised.text))
    also = [_moved(finding, *normalised.span(finding.start, finding.end)) for finding in scan(hay)]
    return tuple(_merged(found, also))


def _moved(finding: Finding, start: int, end: int) -> Finding:
    return replace(finding, start=start, end=end)


def _merged(found: list[Finding], also: list[Finding]) -> list[Finding]:
    """Both lists by place, without the members of `also` that overlap one of `found`."""
    kept = list(found)
    at = 0
    for finding in sorted(also, key=_place):
        while at < len(found) and found[at].end <= finding.start:
            at += 1
        if at == len(found) or found[at].start >= finding.end:
            kept.append(finding)
    return sorted(kept, key=_place)


def _place(finding: Finding) -> tuple[int, int]:
    return finding.start, finding.end
