"""Rows of like hits in a hostile text: nobody reads thousands of findings, so a row is one."""

FLOOD = 4096
"""Hits of a text from which on neighbours of one kind are joined."""
_GAP = 32
"""Most that may lie between two hits of a row."""


Hit = tuple[int, int, int, float]
"""Start, kind, end and score; hits sort by place, then by kind, of which the lower is the stronger.

A plain tuple, because floods of them are what this is for.
"""


def joined(hits: list[Hit]) -> list[Hit]:
    """The hits in order, or, in a flood, rows of them: nothing found is left out of a row."""
    if len(hits) < FLOOD:
        return hits
    kept: list[Hit] = []
    begun, kind, end, score = hits[0]
    for hit in hits:
        if hit[1] == kind and hit[0] <= end + _GAP:
            if hit[2] > end:
                end = hit[2]
            if hit[3] > score:
                score = hit[3]
            continue
        kept.append((begun, kind, end, score))
        begun, kind, end, score = hit
    kept.append((begun, kind, end, score))
    return kept
