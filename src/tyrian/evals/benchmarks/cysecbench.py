"""Harmful requests of ten categories (CySecBench): an independent measure of compliance.

There is nothing to guess, so there is no floor: a model that says the same to all serves nothing.
Source: Wahréus, Hussain and Papadimitratos (2025), arXiv:2501.01335.
"""

from collections.abc import Iterable, Iterator, Mapping

from tyrian.evals.benchmark import Dataset, References
from tyrian.evals.benchmarks.goals import Goals
from tyrian.evals.rows import text_of
from tyrian.evals.sample import Sample


class CySecBench(Goals):
    """500 requests; 2,000, 6,000 or all 12,662 in the variants `2000`, `6000` and `all`."""

    name = "cysecbench"
    title = "CySecBench"
    about = "How often the model serves harmful requests about attacks, over ten categories."
    datasets = (
        Dataset("cysecbench/Dataset/Sample sets/cysecbench-500.csv"),
        Dataset("cysecbench/Dataset/Sample sets/cysecbench-2000.csv", "2000"),
        Dataset("cysecbench/Dataset/Sample sets/cysecbench-6000.csv", "6000"),
        Dataset("cysecbench/Dataset/Full dataset/cysecbench.csv", "all"),
    )
    references = References(
        owasp_llm=("LLM01:2025",), atlas=("AML.T0054",), source="https://arxiv.org/abs/2501.01335"
    )

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """Cases by category; a request that comes twice counts once."""
        first: dict[str, str] = {}
        for number, row in enumerate(rows):
            prompt = text_of(row, "Prompt", number)
            case = f"{number:05d}"
            known = first.setdefault(prompt, case)
            yield Sample(
                id=case,
                data={"goal": prompt},
                slices={"category": text_of(row, "Category", number)},
                duplicate_of="" if known == case else known,
            )
