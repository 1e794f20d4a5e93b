"""Questions of knowledge with options to choose from: the base of the suites that ask them.

Options are shuffled in every case, so that a constant answer and guessing of any kind score 0 above
chance.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from tyrian.evals.benchmark import Benchmark, Dialogue, Measure
from tyrian.evals.benchmarks.choice import (
    LEANING,
    LETTERS,
    MEASURES,
    Choice,
    right_places,
    score_choice,
    shuffled,
)
from tyrian.evals.benchmarks.replies import answer_of
from tyrian.evals.exchange import ask
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.rows import Row
from tyrian.evals.sample import Data, Sample, Score


@dataclass(frozen=True, slots=True)
class Item:
    """One question as the suite has it."""

    question: str
    options: tuple[str, ...]
    right: tuple[str, ...]
    """Letters of the right options; a letter that is not offered makes the case invalid."""
    slices: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""


class Quiz(Benchmark):
    """A suite of questions; its rows become items."""

    measures: ClassVar[tuple[Measure, ...]] = (*MEASURES, LEANING)
    has_several = False
    """Whether more than one option may be right."""

    @abstractmethod
    def item(self, row: Row, number: int) -> Item:
        """The question in a row; InputError names row and field at fault."""

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """Cases in the order of the rows; a question that comes twice counts once."""
        first: dict[tuple[str, tuple[str, ...]], str] = {}
        for number, row in enumerate(rows):
            item = self.item(row, number)
            case = f"{number:05d}"
            known = first.setdefault((item.question, item.options), case)
            is_sound = item.right and right_places(item.options, item.right)
            yield Sample(
                id=case,
                data={
                    "question": item.question,
                    "options": list(item.options),
                    "right": list(item.right),
                },
                slices=item.slices,
                cluster=item.cluster,
                duplicate_of="" if known == case else known,
                invalid="" if is_sound else "no_right_option",
            )

    def turns(self, sample: Sample) -> Dialogue:
        """Question and options in one turn."""
        texts = OwnPrompts()
        asked = texts.form("quiz", "ask").fill(
            question=sample.data["question"],
            options=self._choice(sample).shown(),
            how_many=texts.text("quiz", "several" if self.has_several else "one"),
            example='["X", "Y"]' if self.has_several else '["X"]',
        )
        return answer_of((yield ask(asked)))

    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """Exact agreement and overlap, beside what chance gives."""
        return score_choice(self._choice(sample), answer)

    def _choice(self, sample: Sample) -> Choice:
        options, right = sample.data["options"], sample.data["right"]
        assert isinstance(options, list)
        assert isinstance(right, list)
        places = right_places(options, right) or frozenset()
        return shuffled(options, places, f"{self.options.seed}:{sample.id}:{sample.nth}")


def letters_in(text: str) -> tuple[str, ...]:
    """Letters of an answer key such as `B` or `ABD`, whatever separates them."""
    return tuple(dict.fromkeys(letter for letter in text.upper() if letter in LETTERS))
