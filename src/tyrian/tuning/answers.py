"""What the guards of a stack said of labelled rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tyrian.core.decision import Effect
from tyrian.core.detection import Stage
from tyrian.tuning.choose import F64
from tyrian.tuning.labels import Truth, counted


@dataclass(frozen=True, slots=True)
class Answer:
    """The scores of one detector for one row, and what they cost."""

    scores: Mapping[str, float]
    cpu_s: float = 0.0
    elapsed_s: float = 0.0
    left_out: bool = False
    """It is a cascade's first, and the guard's own detector judges more of the row than this."""

    @property
    def score(self) -> float:
        """The greatest score of any label."""
        return max(self.scores.values(), default=0.0)


@dataclass(slots=True)
class GuardRows:
    """One guard at one stage: the rows that it judged, in their order."""

    guard: str
    kind: str
    stage: Stage
    backend: str
    thresholds: Mapping[str, float]
    """What holds now, per label; `*` for the others."""
    unsure: tuple[float, float] | None = None
    """Where the first model of its cascade is unsure; None without a cascade."""
    effect_of: Callable[[str], Effect] = lambda _: Effect.BLOCK
    """The effect of a label in the stack once it counts."""
    truths: list[Truth] = field(default_factory=list)
    own: list[Answer] = field(default_factory=list)
    first: list[Answer] = field(default_factory=list)
    """Answers of the cascade's first model, row by row; empty without a cascade."""
    failed: int = 0
    """Rows that the guard could not judge, or only in part; they count nowhere."""
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the guard speaks at this stage: those with a score anywhere."""
        found = dict.fromkeys(
            label
            for answer in (*self.own, *self.first)
            for label, score in answer.scores.items()
            if score > 0.0
        )
        return tuple(found)

    def counted(self) -> list[frozenset[str]]:
        """Per row, its labels in the guard's words."""
        spoken = self.labels
        return [counted(truth, self.kind, spoken, self.stage) for truth in self.truths]

    def now(self, label: str) -> float:
        """The threshold of a label that holds now."""
        return self.thresholds.get(label, self.thresholds.get("*", 0.5))


def scores_of(answers: Sequence[Answer], label: str) -> F64:
    """One score per row; 0 where the label has none."""
    return np.array([answer.scores.get(label, 0.0) for answer in answers], dtype=np.float64)


def table_of(answers: Sequence[Answer], labels: Sequence[str]) -> F64:
    """Scores [rows, labels]."""
    rows = [[answer.scores.get(label, 0.0) for label in labels] for answer in answers]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(labels))
