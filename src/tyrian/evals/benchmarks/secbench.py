"""Knowledge and reasoning about security in Chinese and English (SecBench).

Source: Jing and others (2024), arXiv:2412.20787.
"""

from tyrian.evals.benchmark import Dataset, References
from tyrian.evals.benchmarks.quiz import Item, Quiz, letters_in
from tyrian.evals.rows import Row, text_of, texts_of


class SecBench(Quiz):
    """The 2,730 published questions with options, of nine domains."""

    name = "secbench"
    title = "SecBench"
    about = "How much the model knows of security, and how it reasons, in Chinese and English."
    datasets = (Dataset("secbench/data/MCQs_2730.jsonl"),)
    references = References(source="https://arxiv.org/abs/2412.20787")
    has_several = True

    def item(self, row: Row, number: int) -> Item:
        """Slices are language, ability (KR: knowledge, LR: reasoning) and domain."""
        return Item(
            text_of(row, "question", number),
            texts_of(row, "answers", number),
            letters_in(text_of(row, "label", number)),
            {name: text_of(row, name, number) for name in ("language", "ability", "domain")},
        )
