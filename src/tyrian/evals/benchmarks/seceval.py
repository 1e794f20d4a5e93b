"""Knowledge of security over nine topics (SecEval), several options may be right.

Source: Li and others (2023), https://github.com/XuanwuAI/SecEval.
"""

from tyrian.evals.benchmark import Dataset, References
from tyrian.evals.benchmarks.quiz import Item, Quiz, letters_in
from tyrian.evals.rows import Row, text_of, texts_of


class SecEval(Quiz):
    """2,189 questions; those without an answer are invalid."""

    name = "seceval"
    title = "SecEval"
    about = "How much the model knows of system, web, memory, network and other security."
    datasets = (Dataset("seceval/questions.json"),)
    references = References(source="https://github.com/XuanwuAI/SecEval")
    has_several = True

    def item(self, row: Row, number: int) -> Item:
        """Questions made from one source are a cluster; the first topic is the slice."""
        topics = texts_of(row, "topics", number)
        return Item(
            text_of(row, "question", number),
            texts_of(row, "choices", number),
            letters_in(text_of(row, "answer", number)),
            {"topic": topics[0] if topics else "none"},
            text_of(row, "source", number),
        )
