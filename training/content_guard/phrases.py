"""The phrase tables: read them, and make texts of their lines.

A file holds sections, `== LABEL SECTION`, of one phrase a line. `[a|b]` is a choice, which may be
nested or empty; `{name}` is a slot: `x` is what a frame is put around, the others are sections
`== slot NAME` of any file.
"""

import random
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "phrases"
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z]+)\}")
_BLANKS = re.compile(r" {2,}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_LOOSE = re.compile(r" +([.,!?;:])")

Keep = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of one section of one file."""

    file: str
    """Its name without suffix, after that of a folder: `languages_de`."""
    label: str
    """`S1` to `S14`, `safe`, or `frame` and `slot`, which are material for the others."""
    name: str
    lines: tuple[str, ...]
    beside: str = ""
    """The last label other than `safe` before it in the file: of what safe lines are the twins."""


def read_sections(path: Path) -> list[Section]:
    """The sections of a file, in order."""
    found: list[tuple[str, str, list[str], str]] = []
    beside = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            label, name = line[3:].split()
            beside = beside if label == "safe" else label
            found.append((label, name, [], beside))
        elif line.strip() and not line.startswith("#"):
            found[-1][2].append(line.strip())
    place = path.relative_to(FOLDER) if path.is_relative_to(FOLDER) else Path(path.name)
    file = "_".join(place.with_suffix("").parts)
    return [Section(file, label, name, tuple(lines), twin) for label, name, lines, twin in found]


@cache
def all_sections() -> tuple[Section, ...]:
    """The sections of every file."""
    return tuple(part for path in sorted(FOLDER.rglob("*.txt")) for part in read_sections(path))


def fold_of(line: str) -> int:
    """Which of five parts a phrase belongs to, for measuring on phrases not trained on."""
    return zlib.crc32(line.encode()) % 5


@dataclass(frozen=True, slots=True)
class Grammar:
    """Expands phrases with one source of chance."""

    slots: Mapping[str, Sequence[str]]
    frames: Mapping[str, Sequence[str]]
    pick: random.Random

    @classmethod
    def of(cls, sections: Sequence[Section], pick: random.Random, keep: Keep) -> "Grammar":
        """The slots and frames of all files; frames only where `keep` says so."""
        slots: defaultdict[str, list[str]] = defaultdict(list)
        frames: defaultdict[str, list[str]] = defaultdict(list)
        for part in sections:
            if part.label == "slot":
                slots[part.name].extend(part.lines)
            elif part.label == "frame":
                frames[part.name].extend(line for line in part.lines if keep(line))
        return cls(slots, frames, pick)

    def expand(self, phrase: str) -> str:
        """One text of a phrase."""
        while found := _SLOT.search(phrase):
            value = self.pick.choice(self.slots[found[1]])
            phrase = phrase[: found.start()] + value + phrase[found.end() :]
        while found := _CHOICE.search(phrase):
            value = self.pick.choice(found[1].split("|"))
            phrase = phrase[: found.start()] + value + phrase[found.end() :]
        text = _ARTICLE.sub(r"\1n ", _LOOSE.sub(r"\1", _BLANKS.sub(" ", phrase)))
        return text.strip().replace("\\n", "\n")

    def framed(self, frame: str, phrase: str) -> str:
        """A phrase within one frame of that name."""
        text = self.pick.choice(self.frames[frame])
        return self.expand(text.replace("{x}", phrase))
