"""Which labelled rows count for and against a label of a guard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tyrian.core.detection import Stage
from tyrian.stack.effects import HAZARDS, family, known_labels, spelled_out

BENIGN_WORDS = frozenset({"benign", "safe", "clean", "0", "none", ""})
VAGUE_WORDS = frozenset({"1", "attack", "unsafe"})
"""Words for whatever is unsafe: to a prompt guard an attack; to others they name no label."""
ATTACKS = known_labels("prompt_guard")
_ATTACK_WORDS = VAGUE_WORDS | {"prompt_injection", "prompt-injection"}
_HAZARD_WORDS = {hazard.lower(): hazard for hazard in HAZARDS}


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels of a row, as its writer gave them; benign rows have none."""

    labels: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Truth":
        """From the words of a row; `benign` and its kin stand for no label at all."""
        return cls(frozenset(w.strip() for w in words if w.strip().lower() not in BENIGN_WORDS))


def attacks_of(words: Iterable[str]) -> frozenset[str]:
    """The labels of a prompt guard that the words of a row stand for."""
    plain = (word.lower() for word in words)
    named = ("malicious" if word in _ATTACK_WORDS else word for word in plain)
    return frozenset(
        label for word in named for label in spelled_out("prompt_guard", word) if label in ATTACKS
    )


def contents_of(words: Iterable[str]) -> frozenset[str]:
    """The labels of a content guard that the words stand for, those of a user's own among them."""
    return frozenset(
        _HAZARD_WORDS.get(word.lower(), word)
        for word in words
        if word.lower() in VAGUE_WORDS or not attacks_of([word])
    )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that rows may be labelled with: for attacks, hazards, and these labels besides."""

    labels: tuple[str, ...] = ()

    def unknown(self, truth: Truth) -> list[str]:
        """The words of a row that stand for nothing here."""
        known = {*_HAZARD_WORDS, *(label.lower() for label in self.labels)}
        return sorted(
            word for word in truth.labels if word.lower() not in known and not attacks_of([word])
        )

    def __str__(self) -> str:
        """The words, for people."""
        usual = ("benign", *ATTACKS, "malicious")
        own = sorted({label for label in self.labels if label not in (*usual, *HAZARDS)})
        return ", ".join((*usual, f"{HAZARDS[0]} to {HAZARDS[-1]}", *own))


def counted(truth: Truth, kind: str, spoken: Sequence[str], stage: Stage) -> frozenset[str]:
    """The row's labels in the words that a guard of that kind speaks at a stage.

    Prompt guards name attacks by their channel: where a guard speaks of one kind of attack only
    (text of tools; models of two labels), every attack counts as that one.
    """
    if family(kind) == "prompt_guard":
        attacks = attacks_of(truth.labels)
        if attacks and len(spoken) == 1:
            return frozenset(spoken)
        if attacks and stage is not Stage.INPUT:
            return frozenset({"injection"})
        return attacks & set(spoken)
    folded = {label.lower(): label for label in spoken}
    words = (w if w in spoken else folded.get(w.lower()) for w in truth.labels)
    return frozenset(label for label in words if label is not None)


def is_vague(truth: Truth, kind: str, spoken: Sequence[str], stage: Stage) -> bool:
    """True where a row is unsafe and does not say whether to this guard."""
    is_said = bool(counted(truth, kind, spoken, stage))
    return not is_said and any(word.lower() in VAGUE_WORDS for word in truth.labels)


def split(rows: Sequence[frozenset[str]], label: str) -> tuple[list[int], list[int]]:
    """Indices of rows with the label, and of rows with no label of the guard at all.

    A row that has only other labels of the same guard is neither: it is unsafe, and to call it so
    under another name is no false alarm.
    """
    with_label = [i for i, labels in enumerate(rows) if label in labels]
    without = [i for i, labels in enumerate(rows) if not labels]
    return with_label, without
