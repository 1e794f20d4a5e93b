"""Hostile text made plain: what a terminal or a reader's eye would obey is shown as its code."""

import unicodedata

LONGEST = 4000
"""Characters of a text that a report shows."""
_KEPT = frozenset("\n\t")


def visible(text: str, longest: int = LONGEST) -> str:
    """The text with control, format and unassigned characters as `<U+XXXX>`, cut where too long."""
    cut = text[:longest]
    shown = "".join(
        char if char in _KEPT or unicodedata.category(char)[0] != "C" else f"<U+{ord(char):04X}>"
        for char in cut
    )
    left = len(text) - len(cut)
    return shown + (f"\n… {left} more characters" if left else "")
