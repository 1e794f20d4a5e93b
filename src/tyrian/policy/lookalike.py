"""Characters that make a name read otherwise than it is stored."""

import re
import unicodedata
from functools import lru_cache

from tyrian.text.confusables import load_folds

_INVISIBLE = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff]"
)
_JOINER_AFTER_ASCII = re.compile("[\u0000-\u007f][\u200c\u200d]|^[\u200c\u200d]")
_SPECIAL = re.compile(r"[^0-9A-Za-z]")


def has_hidden(text: str) -> bool:
    """Whether control, format, bidi or invisible characters stand in the text.

    Joiners count only after an ASCII letter: some scripts and emoji are spelled with them.
    """
    if text.isascii():
        return not text.isprintable() and text != ""
    return bool(_INVISIBLE.search(text) or _JOINER_AFTER_ASCII.search(text))


def folds_to_special(text: str) -> bool:
    """Whether compatibility folding (NFKC) makes ASCII punctuation that was not there."""
    if text.isascii():
        return False
    for char in text:
        if char > "\x7f" and char != "\u3000":
            folded = unicodedata.normalize("NFKC", char)
            if folded != char and folded.isascii() and _SPECIAL.search(folded):
                return True
            if folded != char and _has_special(folded):
                return True
    return False


def _has_special(folded: str) -> bool:
    return any(char in "./\\:%~@?#*" for char in folded)


def skeleton(text: str) -> str:
    """The text in ASCII letters as far as it only looks like them; lower case."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded if folded.isascii() else folded.translate(_table())


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    strict, loose = load_folds()
    folds = {**loose, **strict, "ı": "i", "ȷ": "j"}
    return {ord(char): target.lower() for char, target in folds.items()}
