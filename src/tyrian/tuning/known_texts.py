"""A small regression set: texts that every version of an embedded model must judge as well."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Known:
    """A text of our own, and its label; empty for harmless ones."""

    text: str
    label: str


@cache
def known_texts(model: str) -> tuple[Known, ...]:
    """The texts for `prompt-guard` or `content-guard`, attacks and benign ones in turn."""
    place = files("tyrian.tuning").joinpath("known", f"{model}.txt")
    found = []
    for line in place.read_text("utf-8").splitlines():
        label, _, text = line.partition("\t")
        found.append(Known(text.replace("\\n", "\n"), "" if label == "benign" else label))
    return tuple(found)


def rehearsed(model: str) -> tuple[Known, ...]:
    """The half that a training may look at, so that it keeps what it knew."""
    return tuple(one for n, one in enumerate(known_texts(model)) if n % 4 < 2)


def measured(model: str) -> tuple[Known, ...]:
    """The other half, on which is measured what was kept."""
    return tuple(one for n, one in enumerate(known_texts(model)) if n % 4 >= 2)
