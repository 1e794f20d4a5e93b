"""Long documents as every machine has them, alone and with an attack planted in their middle."""

import random
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from pydoc_data.topics import topics

from _detection_data import SEED, Text
from _detection_stats import F64
from _table import Cell

LONG_HEAD = ("stopped %", "with an attack in the middle: stopped %")
LENGTHS = (2_500, 10_000, 40_000)
"""Characters of each cut; shorter documents of a kind are joined."""
_KIND = "benign_tool_output"


def _library() -> list[str]:
    """The modules of Python's own library."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return [file.read_text(encoding="utf-8", errors="replace") for file in files]


def _reference() -> list[str]:
    """The chapters of Python's reference."""
    return [topics[name] for name in sorted(topics)]


def _described() -> list[str]:
    """The descriptions and licences of the packages that are installed here."""
    found = []
    for one in sorted(distributions(), key=lambda one: str(one.metadata["Name"])):
        places = [f for f in one.files or () if ".dist-info" in str(f.parent)]
        texts = [f for f in places if f.name == "METADATA" or "LICEN" in f.name.upper()]
        found += [Path(str(f.locate())).read_text("utf-8", "replace") for f in texts]
    return found


DOCUMENTS: Mapping[str, Callable[[], list[str]]] = {
    "Python's library": _library,
    "Python's reference": _reference,
    "descriptions and licences of packages": _described,
}


def _cuts(documents: Sequence[str], length: int, most: int) -> list[str]:
    dice = random.Random(SEED)
    long = [text for text in documents if len(text) >= length]
    if len(long) < most:
        whole = "\n\n".join(documents)
        long += [whole[at : at + length] for at in range(0, len(whole) - length, length)]
    chosen = dice.sample(long, min(most, len(long)))
    starts = [dice.randrange(len(text) - length + 1) for text in chosen]
    return [text[at : at + length] for text, at in zip(chosen, starts, strict=True)]


def _planted(document: str, attack: str) -> str:
    line = document.find("\n", len(document) // 2) + 1
    return f"{document[:line]}{attack}\n{document[line:]}"


def long_rows(
    scores: Callable[[Sequence[Text]], F64], attacks: Sequence[Text], most: int
) -> list[list[Cell]]:
    """The shares stopped of each kind and length; `attacks` are such as are stopped alone."""
    rows: list[list[Cell]] = []
    for kind, read in DOCUMENTS.items():
        documents = read()
        for length in LENGTHS:
            texts = [Text(cut, kind, _KIND, ()) for cut in _cuts(documents, length, most)]
            dice = random.Random(SEED)
            planted = [replace(t, text=_planted(t.text, dice.choice(attacks).text)) for t in texts]
            shares = [100 * float((scores(some) >= 0.5).mean()) for some in (texts, planted)]
            rows.append([f"{kind}, {length:,} characters", len(texts), *map(_shown, shares)])
    return rows


def _shown(share: float) -> str:
    return f"{share:.1f}"
