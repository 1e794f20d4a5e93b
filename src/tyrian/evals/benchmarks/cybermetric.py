"""Knowledge of security in general (CyberMetric), from standards, RFCs and books.

Source: Tihanyi and others (2024), arXiv:2402.07688.
"""

from tyrian.errors import InputError
from tyrian.evals.benchmark import Dataset, References
from tyrian.evals.benchmarks.quiz import Item, Quiz, letters_in
from tyrian.evals.rows import Row, text_of


class CyberMetric(Quiz):
    """500 questions; 80, 2,000 or 10,000 in the variants of these names."""

    name = "cybermetric"
    title = "CyberMetric"
    about = "How much the model knows of security: standards, cryptography, operations."
    datasets = (
        Dataset("cybermetric/CyberMetric-500-v1.json"),
        Dataset("cybermetric/CyberMetric-80-v1.json", "80"),
        Dataset("cybermetric/CyberMetric-2000-v1.json", "2000"),
        Dataset("cybermetric/CyberMetric-10000-v1.json", "10000"),
    )
    references = References(source="https://arxiv.org/abs/2402.07688")

    def item(self, row: Row, number: int) -> Item:
        """Four options by letter, one right."""
        answers = row.get("answers")
        if not isinstance(answers, dict) or not all(isinstance(v, str) for v in answers.values()):
            raise InputError(
                f"row {number}: field 'answers' is not a mapping of letters to texts",
                hint="each row is {question, answers: {A, B, C, D}, solution}",
            )
        return Item(
            text_of(row, "question", number),
            tuple(f"{letter}. {text}" for letter, text in sorted(answers.items())),
            letters_in(text_of(row, "solution", number)),
        )
