"""Multiple choice over a document: options shuffled per case, several letters may be right.

The floor of each case is what as many letters as the model chose would get if they were drawn
blindly. Since options stand in an order of their own in every case, a constant answer is such a
draw: it, and guessing of any kind, scores 0 above chance.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tyrian.evals.benchmark import Direction, Measure
from tyrian.evals.sample import Data, Score, unscored
from tyrian.evals.statistics.corrections import exact_floor, overlap_floor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LABEL = re.compile(r"^\s*\(?([A-Z])[.):]\s*")
_OBJECT = re.compile(r"\{[^{}]*\}")
LEANING = Measure(
    "leaning", "Leaning to the first option (0: none)", Direction.LOWER, is_rate=False
)
"""How much oftener the first place is chosen than letters drawn blindly would choose it: as options
are shuffled, whatever is not 0 is a habit of the model and no knowledge."""
MEASURES = (
    Measure("exact", "Answers exactly right", Direction.HIGHER, floor="exact_floor"),
    Measure(
        *("overlap", "Overlap with the right set (Jaccard)", Direction.HIGHER),
        floor="overlap_floor",
        is_rate=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Options in the order in which they are shown, and the letters that are right there."""

    options: tuple[str, ...]
    right: frozenset[str]
    order: tuple[int, ...]
    """For each place, which of the original options stands there."""

    def shown(self) -> str:
        """The options as the model reads them."""
        return "\n".join(f"{LETTERS[i]}. {text}" for i, text in enumerate(self.options))


def unlabelled(option: str) -> str:
    """The option without its own letter."""
    return _LABEL.sub("", option)


def right_places(options: Sequence[str], right: Sequence[str]) -> frozenset[int] | None:
    """Places of the right options; None where a letter is not among those offered."""
    letters = {}
    for place, option in enumerate(options):
        labelled = _LABEL.match(option)
        letters[labelled[1] if labelled else LETTERS[place]] = place
    if not all(letter in letters for letter in right):
        return None
    return frozenset(letters[letter] for letter in right)


def shuffled(options: Sequence[str], right: frozenset[int], seed: str) -> Choice:
    """The options in an order drawn for this case; the same seed gives the same order."""
    order = list(range(len(options)))
    random.Random(seed).shuffle(order)  # noqa: S311
    return Choice(
        options=tuple(unlabelled(options[place]) for place in order),
        right=frozenset(LETTERS[at] for at, place in enumerate(order) if place in right),
        order=tuple(order),
    )


def letters_of(text: str, offered: int) -> frozenset[str] | None:
    """The letters of an answer: of its last JSON object that names some; None where none does.

    `{"correct_answers": ["A", "c", "B. text"]}` gives A, B and C. A letter that is not offered
    makes the answer unreadable, since it says that options and answer do not belong together.
    """
    known = LETTERS[:offered]
    for found in reversed(_OBJECT.findall(text)):
        try:
            read = msgspec.json.decode(found)
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        listed = read.get("correct_answers", read.get("answer")) if isinstance(read, dict) else None
        if isinstance(listed, str):
            listed = [one for one in re.split(r"[\s,;]+", listed) if one]
        if not isinstance(listed, list):
            continue
        letters = frozenset(str(one).strip()[:1].upper() for one in listed)
        if letters and all(len(one) == 1 and one in known for one in letters):
            return letters
        return None
    return None


def score_choice(choice: Choice, answer: Data) -> Score:
    """Exact and overlapping agreement, each beside the floor of the case."""
    if answer["status"] != "ok":
        return unscored(str(answer["status"]), str(answer["reason"]))
    letters = letters_of(str(answer["text"]), len(choice.options))
    if letters is None:
        return unscored("unreadable", "no JSON object that lists offered letters")
    right, offered = choice.right, len(choice.options)
    values = {
        "exact": float(letters == right),
        "overlap": len(letters & right) / len(letters | right),
        "exact_floor": exact_floor(offered, len(right), len(letters)),
        "overlap_floor": overlap_floor(offered, len(right), len(letters)),
        "leaning": ("A" in letters) - len(letters) / offered,
    }
    return Score(
        values,
        "exact" if values["exact"] else "wrong",
        why=f"said {''.join(sorted(letters))}, right {''.join(sorted(right))}",
        details={"chosen": sorted(letters), "right": sorted(right)},
    )
