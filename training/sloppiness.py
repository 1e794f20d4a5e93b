"""Measure what odd words say for hasty typing: the weights of `tyrian.text.spelling.sloppy`.

    python -m training.sloppiness --data ../shared/data/guard

Prints the log odds of each kind of odd word in texts with slips of the finger against the same
texts as they are: by what explains the word, by its letters, and for words that stand for a
frequent one and for others.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log
from pathlib import Path

from training.corpus import read_rows
from training.inputs import given_data
from training.prompt_guard.noise import typos
from tyrian.text.source import Source
from tyrian.text.spelling.attack_words import REAL, SPELT_RIGHT
from tyrian.text.spelling.lexicon import lexicon
from tyrian.text.spelling.slips import ROWS
from tyrian.text.spelling.sloppy import explained, is_moved, size_of

SEED = 5
TEXTS, LONGEST = 6000, 1500
"""Texts that are read, and characters of the longest."""
_RATES = (1 / 25, 1 / 18, 1 / 12, 1 / 9)
_WRONG_KEYS = 0.25
"""Slips that take the key beside the right one."""
_LEAST = 5
"""Words that are added to each count."""

Kind = tuple[str, int, bool]


def hasty(text: str, pick: random.Random) -> str:
    """The text with slips of the finger, some of them on the wrong key."""
    rate = pick.choice(_RATES)
    letters = list(typos(text, pick, rate * (1 - _WRONG_KEYS)))
    for _ in range(int(len(letters) * rate * _WRONG_KEYS)):
        at = pick.randrange(len(letters))
        for row in ROWS:
            if (key := row.find(letters[at])) >= 0:
                letters[at] = pick.choice(row[max(key - 1, 0) : key] + row[key + 1 : key + 2])
                break
    return "".join(letters)


def kinds(text: str) -> Iterator[Kind]:
    """What each odd word of a text is, and each pair of them whose blank moved."""
    source = Source(text)
    odd = source.vocabulary - SPELT_RIGHT - REAL - lexicon().known
    for word in odd:
        kind, is_frequent = explained(word)
        yield str(kind), size_of(word), is_frequent
    for pair in pairwise(source.words):
        if odd.issuperset(pair) and is_moved(*pair):
            yield "moved", min(map(len, pair)), True


def log_odds(texts: Sequence[str]) -> dict[Kind, tuple[int, int, float]]:
    """Words of each kind as written and in haste, and how much likelier they are there."""
    pick = random.Random(SEED)
    written = Counter(kind for text in texts for kind in kinds(text))
    slipped = Counter(kind for text in texts if text.isascii() for kind in kinds(hasty(text, pick)))
    share = slipped.total() / written.total()
    return {
        kind: (
            written[kind],
            slipped[kind],
            log((slipped[kind] + _LEAST) / (written[kind] + _LEAST) / share),
        )
        for kind in sorted(written | slipped)
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    options = parser.parse_args()
    rows = read_rows(options.data / "injection_train.jsonl.gz")
    texts = [row.text for row in rows if len(row.text) <= LONGEST]
    found = log_odds(random.Random(SEED).sample(texts, min(TEXTS, len(texts))))
    for (kind, size, is_frequent), (written, slipped, odds) in found.items():
        word = "frequent" if is_frequent else "rare"
        print(f"{kind:16} {size} {word:9} {written:6} {slipped:6} {odds:6.2f}")


if __name__ == "__main__":
    main()
