"""Rows of like hits in a hostile text: nobody reads thousands of findings, so a row is one."""

from typing import NamedTuple

FLOOD = 4096
"""Hits of a text from which on neighbours of one kind are joined."""
_GAP = 32
"""Most that may lie between two hits of a row."""


class Hit(NamedTuple):
    """A place and what stands there; hits sort by place, then by kind."""

    start: int
    kind: int
    """Number of the rule; of hits at one place the lower one is the stronger."""
    end: int
    score: float


def joined(hits: list[Hit]) -> list[Hit]:
    """The hits in order, or, in a flood, rows of them: nothing found is left out of a row."""
    if len(hits) < FLOOD:
        return hits
    kept: list[Hit] = []
    begun, kind, end, score = hits[0]
    for hit in hits:
        if hit[1] == kind and hit[0] <= end + _GAP:
            end, score = max(end, hit[2]), max(score, hit[3])
            continue
        kept.append(Hit(begun, kind, end, score))
        begun, kind, end, score = hit
    kept.append(Hit(begun, kind, end, score))
    return kept
