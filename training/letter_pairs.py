"""How often one letter follows another in languages of Latin script, for `tyrian.text.natural`.

    python -m training.letter_pairs

Prints the rows of its table: `-ln(share)` in quarters, one sign each, from the templates in all
languages and the benign rows in English; accents are left off, and all that is no letter is a
blank.
"""

import unicodedata
from string import ascii_lowercase

import numpy as np

from training.corpus import read_rows
from training.inputs import given_data
from training.prompt_guard.compose import composed, foreign

SIGNS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
STEP = 0.25


def pairs_in(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How often each letter (26: a blank) follows each other one."""
    bare = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(c for c in bare if not unicodedata.combining(c))
    numbers = np.array([ascii_lowercase.find(c) for c in f" {letters} "])
    numbers[numbers < 0] = 26
    kept = np.concatenate(([True], (numbers[1:] != 26) | (numbers[:-1] != 26)))
    numbers = numbers[kept]
    found = np.zeros((27, 27))
    np.add.at(found, (numbers[:-1], numbers[1:]), 1.0)
    return found


def table() -> list[str]:
    """One row of signs for each letter, then for the blank."""
    by_language: dict[str, list[str]] = {}
    for row in foreign(1, share=0.5):
        by_language.setdefault(row.source.split("_")[1], []).append(row.text)
    english = [row.text for row in composed(1, share=0.1)]
    english += [row.text for row in read_rows(given_data() / "injection_train.jsonl.gz")[::5]]
    by_language["en"] = english
    total = np.zeros((27, 27))
    for texts in by_language.values():
        found = sum((pairs_in(text) for text in texts), np.zeros((27, 27)))
        if found[:26, :26].sum() > 0.3 * found.sum():
            total += found / found.sum()
    shares = (total + 1e-5) / (total + 1e-5).sum(axis=1, keepdims=True)
    steps = np.minimum(np.rint(-np.log(shares) / STEP), len(SIGNS) - 1).astype(int)
    return ["".join(SIGNS[step] for step in row) for row in steps.tolist()]


if __name__ == "__main__":
    print("\n".join(table()))
