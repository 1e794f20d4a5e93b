"""Labelled rows as a training of the embedded models sees them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
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


@dataclass(frozen=True)
class Example:
    """A row: is it what the model looks for, and of which kinds."""

    row: LabelledRow
    labels: frozenset[str]
    text: str = field(repr=False)
    """What is learnt from: the whole text of the row, or a stretch of it."""

    @property
    def is_unsafe(self) -> bool:
        """True where the model should find something."""
        return bool(self.labels)

    @cached_property
    def grams(self) -> Grams:
        """The n-grams of what is learnt from."""
        return grams_of(normalise(self.text).text)


def examples_of(name: str, rows: Iterable[LabelledRow]) -> list[Example]:
    """The rows that say something to the model of that name, each text once, with all its labels.

    To the prompt guard a harmful question is benign: it asks openly. To the content guard an attack
    on the prompt is neither safe nor unsafe, so such rows are left out where they have no other
    label. A text that is labelled safe and unsafe is left out as well.
    """
    return [
        replace(same[0], labels=frozenset[str]().union(*(one.labels for one in same)))
        for same in _by_text(name, rows)
        if len({one.is_unsafe for one in same}) == 1
    ]


def contradictions(
    name: str, rows: Iterable[LabelledRow]
) -> Iterator[tuple[LabelledRow, LabelledRow]]:
    """For each text that is labelled safe and unsafe the first row of either kind, in order."""
    for same in _by_text(name, rows):
        other = next((one for one in same if one.is_unsafe is not same[0].is_unsafe), None)
        if other is not None:
            yield same[0].row, other.row


def _by_text(name: str, rows: Iterable[LabelledRow]) -> Iterable[list[Example]]:
    found: dict[bytes, list[Example]] = {}
    for row in rows:
        text, words = row.message.text, row.truth.labels
        labels = attacks_of(words) if name == PROMPT_GUARD else contents_of(words)
        if not text.strip() or (words and not labels and name != PROMPT_GUARD):
            continue
        plain = normalise(text).text.encode("utf-8", "surrogatepass")
        found.setdefault(sha256(plain).digest(), []).append(Example(row, labels, text))
    return found.values()


def around(text: str, start: int, end: int) -> str:
    """As much of a text as is learnt from, with the place `start` to `end` in its middle."""
    begin = min((start + end - LONGEST) // 2, len(text) - LONGEST)
    return text[max(begin, 0) :][:LONGEST]


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
