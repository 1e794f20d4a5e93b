"""Content safety on texts that no training has read: AUC, recall and alarms, by hazard."""

from collections.abc import Callable, Sequence

import numpy as np

from _detection_data import Text
from _detection_stats import F64, BySource, auc, interval, recall_at, shown
from _table import Cell

HELD_HEAD = ("rows", "AUC", "recall % at 1% FPR", "recall % shipped", "FPR % shipped")


def unseen_rows(texts: Sequence[Text], excess: F64) -> list[list[Cell]]:
    """All hazards together, then each, against the safe twins; `excess` is above the threshold."""
    groups: dict[str, F64] = {
        source: excess[np.array([text.source == source for text in texts])]
        for source in sorted({text.source for text in texts}, key=_order)
    }
    safe: BySource = {"safe twins": groups.pop("safe twins")}
    rows = [_row("all hazards", groups, safe)]
    rows += [_row(name, {name: scores}, safe) for name, scores in groups.items()]
    return rows


def _order(source: str) -> tuple[int, str]:
    return (int(source[1:]), source) if source[1:].isdecimal() else (99, source)


def _above(scores: F64, _: F64) -> float:
    return float((scores >= 0).mean())


def _row(name: str, unsafe: BySource, safe: BySource) -> list[Cell]:
    shipped: Callable[[F64, F64], float] = _above
    return [
        name,
        sum(map(len, unsafe.values())),
        shown(interval(unsafe, safe, auc)),
        shown(interval(unsafe, safe, recall_at), 100, 1),
        shown(interval(unsafe, {}, shipped), 100, 1),
        shown(interval(safe, {}, shipped), 100, 1),
    ]
