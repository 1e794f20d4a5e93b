"""Collect the words that misspelt ones may stand for: those that many texts of ours share.

    python -m training.words --data ../shared/data/guard

Writes src/tyrian/text/data/words.txt, the most frequent word first. A word counts once for each
text; how common a word is among attacks and harmless texts plays no part.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from training.corpus import read_rows
from training.inputs import HERE, ROOT, given_data

OUT = ROOT / "src" / "tyrian" / "text" / "data" / "words.txt"
LEAST_TEXTS, LEAST_SOURCES = 5, 2
_WORD = re.compile(r"(?<![^\s\"'(|\[])[a-z]{2,16}(?=[\s.,;:!?\"'|)\]]|$)")
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
    kept = [w for w in texts if texts[w] >= LEAST_TEXTS and len(sources[w]) >= LEAST_SOURCES]
    return sorted(kept, key=lambda word: (-texts[word], word))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.write_text("\n".join(collected(options.data)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
