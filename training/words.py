"""Collect the words that misspelt ones may stand for: those that many texts of ours share.

    python -m training.words --data ../shared/data/guard

Writes words.txt, the most frequent word first, and bigrams.npz, how many texts have each of them
and each pair of them, to src/tyrian/text/data. How common a word is among attacks and harmless
texts plays no part.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from training.corpus import read_rows
from training.inputs import HERE, ROOT, given_data
from tyrian.text.source import Source
from tyrian.text.spelling.language import packed, vocabulary
from tyrian.text.spelling.lexicon import Lexicon
from tyrian.text.spelling.slips import READY, effort

OUT = ROOT / "src" / "tyrian" / "text" / "data"
LEAST_TEXTS, LEAST_SOURCES = 5, 2
LEAST_ALONE = 8
"""Texts of a single source: many a language has no second one."""
_FEWER, _SWAPPED = 20, 100
"""How much more frequent a word is than its misspelling, in a single source and in several ones."""
_LEAST = 3
"""Letters of a word that is told from a misspelling of another by how frequent it is."""
_WORD = re.compile(r"(?<![^\s\"'(|\[])[a-z]{2,16}(?=[\s.,;:!?\"'|)\]]|$)")
LEAST_PAIRED = 5
"""Texts of a pair of words."""
_LONGEST = 4000
"""Characters of a text of which the words are counted."""
_DISGUISED = ("obf", "encod", "typo")
"""Parts of the names of sources whose texts are misspelt or encoded on purpose."""


def _texts(data: Path) -> Iterator[tuple[str, str]]:
    """Source and text of the given rows, and of each line of our own templates."""
    for name in ("injection_train", "content_train"):
        for row in read_rows(data / f"{name}.jsonl.gz"):
            if not any(part in row.source for part in _DISGUISED):
                yield row.family, row.text
    for file in sorted(HERE.rglob("*.txt")):
        if file.parent.name != "held":
            for line in file.read_text(encoding="utf-8").splitlines():
                yield f"own/{file.stem}", line.replace("\\n", "\n")


def collected(data: Path) -> list[str]:
    """The words that enough texts of enough sources have, the most frequent first."""
    texts: Counter[str] = Counter()
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for source, text in _texts(data):
        for word in set(_WORD.findall(text.lower())):
            texts[word] += 1
            sources[word].add(source)
    often = {w for w in texts if texts[w] >= LEAST_TEXTS and not _is_slip(w, texts)}
    shared = {w for w in often if len(sources[w]) >= LEAST_SOURCES}
    known = Lexicon(sorted(shared, key=lambda word: (-texts[word], word)))
    alone = {w for w in often - shared if texts[w] >= LEAST_ALONE}
    for word in alone:
        meant = (near for near in known.near(word) if effort(word, near) == READY)
        if all(texts[near] < _FEWER * texts[word] for near in meant):
            shared.add(word)
    return sorted(shared, key=lambda word: (-texts[word], word))


def _is_slip(word: str, texts: Counter[str]) -> bool:
    """Whether a word is a far more frequent one with two letters swapped."""
    swapped = (word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in range(len(word) - 1))
    return len(word) >= _LEAST and any(texts[w] >= _SWAPPED * texts[word] for w in swapped)


def write_counts(out: Path, data: Path, words: Sequence[str]) -> None:
    """Write how many texts have each of the words and each pair of them."""
    numbers = {word: number for number, word in enumerate(vocabulary(words))}
    texts, pairs = np.zeros(len(numbers)), Counter[int]()
    for text in {text[:_LONGEST] for _, text in _texts(data)}:
        row = [0, *(numbers.get(word, 0) for word in Source(text).words)]
        texts[list(set(row))] += 1
        pairs.update({left << 16 | right for left, right in pairwise(row)})
    often = sorted(pair for pair, count in pairs.items() if count >= LEAST_PAIRED and pair & 0xFFFF)
    np.savez_compressed(
        out,
        counts=packed(np.maximum(texts, 1)),
        steps=np.diff(np.array(often, dtype=np.uint32), prepend=np.uint32(0)),
        pair_counts=packed(np.array([pairs[pair] for pair in often], dtype=np.float64)),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    words = collected(options.data)
    (options.out / "words.txt").write_text("\n".join(words) + "\n", encoding="ascii")
    write_counts(options.out / "bigrams.npz", options.data, words)


if __name__ == "__main__":
    main()
