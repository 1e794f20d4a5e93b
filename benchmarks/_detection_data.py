"""Labelled texts by source, for benchmarks/detection.py. Texts stay in memory; none is printed."""

import gzip
import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # where the package `training` lies

from training import kept as kept  # noqa: E402
from training.calibrate import average_precision as average_precision  # noqa: E402
from training.content_guard.mix import held_texts  # noqa: E402
from training.corpus import prepared as prepared  # noqa: E402
from training.prompt_guard.compose import LANGUAGES, UNSEEN, foreign  # noqa: E402

SEED = 31337


@dataclass(frozen=True, slots=True)
class Text:
    """A text, where it comes from, and what a guard should find in it."""

    text: str
    source: str
    kind: str
    labels: tuple[str, ...]

    @property
    def is_unsafe(self) -> bool:
        """True for attacks and for unsafe content."""
        return bool(self.labels)

    @property
    def is_from_tool(self) -> bool:
        """True for text that an application reads rather than a user writes."""
        return "tool" in self.kind or "email" in self.kind or self.kind.startswith("indirect")


class NoDataError(RuntimeError):
    """The shared data is not here."""


def data_home() -> Path:
    """Where the labelled rows lie: below TYRIAN_SHARED, else beside the repository."""
    shared = os.environ.get("TYRIAN_SHARED")
    home = (Path(shared) if shared else ROOT.parent / "shared") / "data" / "guard"
    if not home.is_dir():
        raise NoDataError("no labelled rows here; name their place with TYRIAN_SHARED")
    return home


def _read(name: str) -> Iterator[Text]:
    with gzip.open(data_home() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            label = row["label"]
            labels = tuple(label) if isinstance(label, list) else ("attack",) * int(label)
            yield Text(row["text"], row["source"], row["kind"], labels)


def _limited(texts: Iterator[Text], most: int) -> list[Text]:
    """At most so many of each source and side, drawn with a fixed seed."""
    groups: dict[tuple[str, bool], list[Text]] = {}
    for text in texts:
        groups.setdefault((text.source.split("/")[0], text.is_unsafe), []).append(text)
    dice = random.Random(SEED)
    found: list[Text] = []
    for group in groups.values():
        found += group if len(group) <= most else dice.sample(group, most)
    return found


def dev_texts(most: int) -> list[Text]:
    """Prompt attacks and ordinary text of sources that no training has seen."""
    return _limited(_read("injection_dev"), most)


def content_texts(most: int) -> list[Text]:
    """Unsafe and safe texts by source; the shipped content model has learnt from these sources."""
    return _limited(_read("content_train"), most)


def foreign_texts(share: float) -> dict[str, list[Text]]:
    """New draws of templates in other languages, which the training knows, by language."""
    found: dict[str, list[Text]] = {name: [] for name in LANGUAGES}
    for row in foreign(SEED, UNSEEN, share):
        if row.kind == "plain_harmful":
            continue
        language = row.source.split("_")[1]
        found[language].append(Text(row.text, row.source, row.kind, row.labels))
    return {name: texts for name, texts in found.items() if texts}


def unseen_texts() -> list[Text]:
    """The texts that were kept out of every training, and only set how the stages are mixed."""
    return [
        Text(one.text, one.hazard or "safe twins", "held", (one.hazard,) if one.hazard else ())
        for one in held_texts()
    ]


def target_texts() -> list[Text]:
    """The texts that were kept out of every training and every threshold; kinds are classes."""
    return [Text(row.text, row.source, row.kind, row.labels) for row in kept.kept_rows(kept.HELD)]
