"""Thresholds for every guard, stage and label of a stack, from what its guards said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.tuning.answers import GuardRows, table_of
from tyrian.tuning.choose import F64, Chosen, auc, choose, rows_needed
from tyrian.tuning.labels import split
from tyrian.tuning.rates import Rate

B1 = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelTuning:
    """One label of one guard at one stage: its new threshold, or why there is none."""

    label: str
    before: float
    rows_with: int
    rows_without: int
    chosen: Chosen | None = None
    auc: float | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class GuardTuning:
    """All labels of one guard at one stage."""

    guard: str
    kind: str
    stage: Stage
    backend: str
    labels: tuple[LabelTuning, ...]
    silent: tuple[str, ...]
    """Labels that the guard has and no row has: their thresholds stay."""
    any_false_positives: Rate
    """Rows without any label on which some label reaches its threshold, new or old."""
    any_recall: Rate
    failed: int
    reasons: Mapping[str, int]

    @property
    def thresholds(self) -> dict[str, float]:
        """The new thresholds."""
        return {one.label: one.chosen.threshold for one in self.labels if one.chosen}

    @property
    def is_complete(self) -> bool:
        """True where nothing was refused and nothing failed."""
        return not self.failed and not any(one.refusal for one in self.labels)


def tune_guard(rows: GuardRows, max_fpr: float, table: F64 | None = None) -> GuardTuning:
    """Pick a threshold for each label that any row has.

    `table` [rows, labels] stands in for the guard's own scores, as where a cascade mixes two.
    """
    labels = rows.labels
    truths = rows.counted()
    scores = table_of(rows.own, labels) if table is None else table
    named = [label for label in labels if any(label in truth for truth in truths)]
    tuned = tuple(
        _label(label, rows.now(label), scores[:, labels.index(label)], truths, max_fpr)
        for label in named
    )
    new = {one.label: one.chosen.threshold for one in tuned if one.chosen}
    benign, unsafe = sides(truths)
    fired = fires(rows, scores, new, Effect.FLAG)
    return GuardTuning(
        rows.guard,
        rows.kind,
        rows.stage,
        rows.backend,
        tuned,
        tuple(label for label in labels if label not in named),
        Rate(int(fired[benign].sum()), int(benign.sum())),
        Rate(int(fired[unsafe].sum()), int(unsafe.sum())),
        rows.failed,
        dict(rows.reasons),
    )


def fires(rows: GuardRows, table: F64, thresholds: Mapping[str, float], least: Effect) -> B1:
    """Rows on which some label of at least that effect reaches its threshold.

    `table` holds scores [rows, labels]; a label without a new threshold keeps the one it has.
    """
    fired = np.zeros(len(table), dtype=bool)
    for at, label in enumerate(rows.labels):
        if rows.effect_of(label) >= least:
            fired |= table[:, at] >= thresholds.get(label, rows.now(label))
    return fired


def sides(truths: Sequence[frozenset[str]]) -> tuple[B1, B1]:
    """Which rows have no label of the guard, and which have one."""
    has = np.array([bool(truth) for truth in truths], dtype=bool)
    return ~has, has


def _label(
    label: str, before: float, scores: F64, truths: Sequence[frozenset[str]], max_fpr: float
) -> LabelTuning:
    with_label, without = split(truths, label)
    positive, negative = scores[with_label], scores[without]
    counts = (label, before, len(positive), len(negative))
    least = rows_needed(max_fpr)
    if len(negative) < least:
        return LabelTuning(
            *counts,
            refusal=f"{len(negative)} rows without any label of the guard; a rate of "
            f"{max_fpr:.3g} needs {least} at least",
        )
    area = auc(positive, negative)
    found = choose(positive, negative, max_fpr)
    if found is None:
        refusal = f"more than {max_fpr:.3g} of the rows without the label score 1"
        return LabelTuning(*counts, auc=area, refusal=refusal)
    return LabelTuning(*counts, chosen=found, auc=area)
