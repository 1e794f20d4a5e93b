"""Labelled rows as a training of the embedded models sees them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from tyrian.core.message import Message
from tyrian.models.features import Grams, grams_of
from tyrian.models.own import PROMPT_GUARD
from tyrian.text.normalise import normalise
from tyrian.tuning.known_texts import Known
from tyrian.tuning.labels import Truth, attacks_of, contents_of
from tyrian.tuning.measure import LabelledRow

LONGEST = 6000
"""Characters of a text that are learnt from, as in the training of the shipped models."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row: is it what the model looks for, and of which kinds."""

    row: LabelledRow
    labels: frozenset[str]
    grams: Grams = field(repr=False)

    @property
    def is_unsafe(self) -> bool:
        """True where the model should find something."""
        return bool(self.labels)


def examples_of(name: str, rows: Iterable[LabelledRow]) -> list[Example]:
    """The rows that say something to the model of that name, each text once.

    To the prompt guard a harmful question is benign: it asks openly. To the content guard an attack
    on the prompt is neither safe nor unsafe, so such rows are left out where they have no other
    label.
    """
    found: dict[str, Example] = {}
    for row in rows:
        words = row.truth.labels
        labels = attacks_of(words) if name == PROMPT_GUARD else contents_of(words)
        if not row.message.text.strip() or (words and not labels and name != PROMPT_GUARD):
            continue
        text = normalise(row.message.text[:LONGEST]).text
        found.setdefault(text, Example(row, labels, grams_of(text)))
    return list(found.values())


def known_rows(known: Iterable[Known]) -> list[LabelledRow]:
    """Texts of the regression set as rows: injections in the output of a tool."""
    return [
        LabelledRow(
            Message.tool(one.text) if one.label == "injection" else Message.user(one.text),
            Truth.of([one.label]),
        )
        for one in known
    ]


def parted(examples: Sequence[Example], every: int) -> tuple[list[Example], list[Example]]:
    """Most of the examples, and every so many-th of each side, by a hash of the texts."""
    kept: list[Example] = []
    out: list[Example] = []
    for side in (True, False):
        some = [one for one in examples if one.is_unsafe is side]
        some.sort(key=lambda one: crc32(one.row.message.text.encode("utf-8", "surrogatepass")))
        for number, one in enumerate(some):
            (out if number % every == every - 1 else kept).append(one)
    return kept, out
