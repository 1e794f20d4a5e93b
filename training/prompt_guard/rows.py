"""All rows that the prompt-attack model learns from: given, and made of templates."""

from collections.abc import Sequence
from pathlib import Path

from training.corpus import Row, read_rows
from training.prompt_guard.compose import ALL, composed, foreign
from training.prompt_guard.generate import generate
from training.prompt_guard.noise import hasty

GIVEN = "injection_train.jsonl.gz"


CONTENT = "content_train.jsonl.gz"


def made_rows(seed: int, part: str = ALL, real: Sequence[Row] = ()) -> list[Row]:
    """The rows that templates make, of all templates or of one side of the split."""
    return generate(seed) + composed(seed, part, real=real) + foreign(seed, part)


def questions(given: Sequence[Row], content: Sequence[Row]) -> list[Row]:
    """Rows whose questions the templates may frame: harmful ones only where they are labelled."""
    return [*given, *(row for row in content if row.labels)]


def training_rows(data: Path, seed: int) -> list[Row]:
    """Every row to learn from, each text once."""
    given = read_rows(data / GIVEN)
    real = questions(given, read_rows(data / CONTENT))
    rows = given + made_rows(seed, real=real) + hasty(given, seed)
    return list({row.text: row for row in reversed(rows)}.values())[::-1]
