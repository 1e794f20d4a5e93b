"""Characters that change how a text reads without being seen, made visible."""

import re

UNSEEN = re.compile(
    "["
    "\u061c\u200e\u200f"  # marks of direction
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides, isolates
    "\u200b\u2060-\u2064\ufeff"  # nothing, in several widths
    "\U000e0000-\U000e007f"  # tags: a whole alphabet that is never drawn
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "]"
)
"""A character that nobody sees and that may change how the others read."""

MARK = "\u27e6U+{:04X}\u27e7"
"""How such a character is written out: `⟦U+202E⟧`."""


def visible(text: str) -> str:
    """The text with every unseen character written out as its number."""
    return UNSEEN.sub(lambda found: MARK.format(ord(found[0])), text)
