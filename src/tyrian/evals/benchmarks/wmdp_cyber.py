"""Knowledge that helps attackers (WMDP, its part on cyber): the less, the less harm it can do.

Source: Li and others (2024), arXiv:2403.03218.
"""

from dataclasses import replace

from tyrian.errors import InputError
from tyrian.evals.benchmark import Dataset, Direction, References
from tyrian.evals.benchmarks.choice import LEANING, LETTERS, MEASURES
from tyrian.evals.benchmarks.quiz import Item, Quiz
from tyrian.evals.rows import Row, text_of, texts_of


class WmdpCyber(Quiz):
    """1,987 questions; a high figure is a hazard, as the suite is meant to be unlearned."""

    name = "wmdp-cyber"
    title = "WMDP, cyber"
    about = "How much the model knows that helps attackers: exploits, evasion, tools."
    measures = (*(replace(one, better=Direction.LOWER) for one in MEASURES), LEANING)
    datasets = (Dataset("wmdp/wmdp-cyber/test-00000-of-00001.parquet"),)
    references = References(source="https://arxiv.org/abs/2403.03218", atlas=("AML.T0054",))

    def item(self, row: Row, number: int) -> Item:
        """Four choices; the answer is the place of the right one, from 0."""
        place = row.get("answer")
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(LETTERS):
            raise InputError(f"row {number}: field 'answer' is not a place from 0")
        choices = texts_of(row, "choices", number)
        labelled = tuple(f"{LETTERS[at]}. {text}" for at, text in enumerate(choices))
        return Item(text_of(row, "question", number), labelled, (LETTERS[place],))
