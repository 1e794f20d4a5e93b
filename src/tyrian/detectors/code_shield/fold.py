"""Code as compilers read it: one ASCII character for each character, so that offsets stay."""

import unicodedata


class _Folded(dict[int, str]):
    """Fills itself: compatibility forms as their letter, other letters as `Z`, the rest as DEL."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = unicodedata.normalize("NFKC", char)
        if len(plain) == 1 and plain.isascii():
            folded = plain
        elif char.isalnum():
            folded = "Z"
        elif char.isspace():
            folded = " "
        else:
            folded = "\x7f"
        if len(self) < 65536:
            self[code] = folded
        return folded


_FOLDED = _Folded({code: chr(code) for code in range(128)})


def fold(text: str) -> str:
    """The text in ASCII, character for character.

    Python, JavaScript and others read identifiers in their compatibility form, so that `exec` in
    full-width letters still runs.
    """
    return text if text.isascii() else text.translate(_FOLDED)
