"""A text with places in it that are filled in once, whatever stands in what fills them."""

import re
from dataclasses import dataclass

from tyrian.errors import ConfigError

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of this name goes."""

    name: str


@dataclass(frozen=True, slots=True)
class Form:
    """Pieces of text and places, in order."""

    parts: tuple[str | Place, ...]

    def fill(self, **values: object) -> str:
        """The text, each place filled with `str` of its value; ConfigError where one is unknown.

        Values are not looked at: braces in what a model said are never places.
        """
        missing = [p.name for p in self.parts if isinstance(p, Place) and p.name not in values]
        if missing:
            raise ConfigError(f"the text has places that nothing fills: {', '.join(missing)}")
        return "".join(p if isinstance(p, str) else str(values[p.name]) for p in self.parts)


def form_of(text: str) -> Form:
    """A text whose places are written `{name}`; other braces stand for themselves."""
    parts: list[str | Place] = []
    for at, piece in enumerate(_PLACE.split(text)):
        if at % 2:
            parts.append(Place(piece))
        elif piece:
            parts.append(piece)
    return Form(tuple(parts))
