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
from tyrian.text.lexicon import Lexicon
from tyrian.text.slips import READY, effort

OUT = ROOT / "src" / "tyrian" / "text" / "data" / "words.txt"
LEAST_TEXTS, LEAST_SOURCES = 5, 2
LEAST_ALONE = 8
"""Texts of a single source: many a language has no second one."""
_FEWER, _SWAPPED = 20, 100
"""How much more frequent a word is than its misspelling, in a single source and in several ones."""
_LEAST = 3
"""Letters of a word that is told from a misspelling of another by how frequent it is."""
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
    often = {w for w in texts if texts[w] >= LEAST_TEXTS and not _is_slip(w, texts)}
    shared = {w for w in often if len(sources[w]) >= LEAST_SOURCES}
    known = Lexicon(sorted(shared, key=lambda word: (-texts[word], word)))
    alone = {w for w in often - shared if texts[w] >= LEAST_ALONE}
    for word in alone:
        meant = known.correction(word)
        if not meant or effort(word, meant) != READY or texts[meant] < _FEWER * texts[word]:
            shared.add(word)
    return sorted(shared, key=lambda word: (-texts[word], word))


def _is_slip(word: str, texts: Counter[str]) -> bool:
    """Whether a word is a far more frequent one with two letters swapped."""
    swapped = (word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in range(len(word) - 1))
    return len(word) >= _LEAST and any(texts[w] >= _SWAPPED * texts[word] for w in swapped)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=given_data())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.write_text("\n".join(collected(options.data)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
