"""The categories that a prompt offers to the model, and the labels that they are to us."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tyrian.core.taxonomy import MLCOMMONS, Hazard, Taxonomy
from tyrian.detectors.content_guard.families import LLAMA_GUARD_2, Family

_LINE = re.compile(r"^(S\d{1,2}): ?([^\n]{1,300})", re.MULTILINE)
_BEGIN, _END = "<BEGIN UNSAFE CONTENT CATEGORIES>", "<END UNSAFE CONTENT CATEGORIES>"
MAX_CATEGORIES = 99


@dataclass(frozen=True, slots=True)
class Offered:
    """One category of a prompt."""

    alias: str
    """How prompt and answer call it: `S1` to `S99`."""
    label: str
    """The code in the taxonomy, which is the label of the guard."""
    text: str
    """What the prompt says of it."""


Offer = tuple[Offered, ...]


def make_offer(taxonomy: Taxonomy, family: Family) -> Offer:
    """The categories of the taxonomy under the numbers that the model was trained on.

    The user's own get the numbers behind those. Of the standard taxonomy, hazards that the model
    was not trained on are left out; a file that names them has them offered by description.
    """
    trained = {code: alias for alias, code in family.own_codes.items()}
    spare = iter(range(len(family.hazards) + 1, MAX_CATEGORIES + 1))
    offered: list[Offered] = []
    for code, hazard in taxonomy.items():
        if code in trained:
            offered.append(Offered(trained[code], code, _known(hazard, family)))
        elif taxonomy is not MLCOMMONS and (number := next(spare, 0)):
            offered.append(Offered(f"S{number}", code, _described(hazard)))
    return tuple(offered)


def is_customised(taxonomy: Taxonomy) -> bool:
    """True where a category has another name or description than the standard's."""
    return any(
        code not in MLCOMMONS
        or (hazard.name, hazard.description) != (MLCOMMONS[code].name, MLCOMMONS[code].description)
        for code, hazard in taxonomy.items()
    )


def texts(offer: Offer) -> dict[str, str]:
    """Alias to text, in the order of the model's numbers."""
    return {one.alias: one.text for one in sorted(offer, key=lambda one: int(one.alias[1:]))}


def labels_of(offer: Offer) -> dict[str, str]:
    """Alias to label."""
    return {one.alias: one.label for one in offer}


def offer_in(prompt: str) -> Offer:
    """The categories that a rendered prompt lists; hazards of the standard by their names."""
    _, _, rest = prompt.partition(_BEGIN)
    section, end, _ = rest.partition(_END)
    if not end:
        return ()
    return tuple(
        Offered(alias, _code_of(text) or alias, text.strip())
        for alias, text in _LINE.findall(section)
    )


def _known(hazard: Hazard, family: Family) -> str:
    standard = MLCOMMONS[hazard.code]
    is_described = hazard.description != standard.description or family is LLAMA_GUARD_2
    if hazard.name == standard.name and not is_described:
        return f"{family.short_name(hazard.code)}."
    return _described(hazard) if is_described else f"{_one_line(hazard.name)}."


def _described(hazard: Hazard) -> str:
    name = _one_line(hazard.name)
    return f"{name}.\n{_one_line(hazard.description)}" if hazard.description else f"{name}."


def _one_line(text: str) -> str:
    """A category's text must not look like another category, or end the list."""
    return " ".join(text.replace("<", "(").replace(">", ")").split()).rstrip(".")


_NAMES: Mapping[str, str] = {
    **{hazard.name.lower(): code for code, hazard in MLCOMMONS.items()},
    "sex crimes": "S3",
    "child exploitation": "S4",
    "self-harm": "S11",
}


def _code_of(text: str) -> str:
    name = text.partition(".")[0].strip().lower()
    return _NAMES.get(name, "")


def same(left: Iterable[Offered], right: Iterable[Offered]) -> bool:
    """True where both offer the same labels under the same numbers."""
    return {(one.alias, one.label) for one in left} == {(one.alias, one.label) for one in right}
