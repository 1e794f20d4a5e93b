"""Which labelled rows count for and against a label of a guard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tyrian.core.detection import Stage
from tyrian.stack.effects import family, known_labels, spelled_out

BENIGN_WORDS = frozenset({"benign", "safe", "clean", "0", "none", ""})


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels of a row, as its writer gave them; benign rows have none."""

    labels: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Truth":
        """From the words of a row; `benign` and its kin stand for no label at all."""
        return cls(frozenset(w.strip() for w in words if w.strip().lower() not in BENIGN_WORDS))


def counted(truth: Truth, kind: str, spoken: Sequence[str], stage: Stage) -> frozenset[str]:
    """The row's labels in the words that a guard of that kind speaks at a stage.

    Prompt guards name attacks by their channel: where a guard speaks of one kind of attack only
    (text of tools; models of two labels), every attack counts as that one.
    """
    words = {label for word in truth.labels for label in spelled_out(kind, word)}
    attacks = words & set(known_labels(family(kind)))
    if family(kind) == "prompt_guard" and attacks:
        if len(spoken) == 1:
            return frozenset(spoken)
        if stage is not Stage.INPUT:
            return frozenset({"injection"})
    return frozenset(words & set(spoken))


def split(rows: Sequence[frozenset[str]], label: str) -> tuple[list[int], list[int]]:
    """Indices of rows with the label, and of rows with no label of the guard at all.

    A row that has only other labels of the same guard is neither: it is unsafe, and to call it so
    under another name is no false alarm.
    """
    with_label = [i for i, labels in enumerate(rows) if label in labels]
    without = [i for i, labels in enumerate(rows) if not labels]
    return with_label, without
