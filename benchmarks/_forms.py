"""Disguises of a text, one function each; a text view should see through every one of them."""

import base64
import html
import random
from collections.abc import Callable, Mapping
from urllib.parse import quote

Form = Callable[[str], str]

_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_TWINS = str.maketrans("aceiopxyACEOPTX", "асеіорхуАСЕОРТХ")
_ROT = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _mathematical(text: str) -> str:
    def one(c: str) -> str:
        if "a" <= c <= "z":
            return chr(0x1D41A + ord(c) - ord("a"))
        return chr(0x1D400 + ord(c) - ord("A")) if "A" <= c <= "Z" else c

    return "".join(map(one, text))


def _tags(text: str) -> str:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in text if c.isascii())
    return f"Have a nice day. {hidden}"


def _selectors(text: str) -> str:
    def one(byte: int) -> str:
        return chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16)

    return "😀" + "".join(one(byte) for byte in text.encode())


def typos(text: str, every: int = 18) -> str:
    """The text with a slip of the finger in about every so many letters."""
    dice = random.Random(len(text))
    letters = list(text)
    for _ in range(max(1, len(letters) // every)):
        at = dice.randrange(max(1, len(letters) - 1))
        slip = dice.randrange(3)
        if slip == 0:
            letters[at : at + 2] = letters[at : at + 2][::-1]
        elif slip == 1:
            del letters[at : at + 1]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


FORMS: Mapping[str, Form] = {
    "letter-spaced": " ".join,
    "dotted": ".".join,
    "zero-width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "combining marks": lambda text: "".join(c + "\u0301" if c.isalpha() else c for c in text),
    "full width": _wide,
    "mathematical": _mathematical,
    "homoglyphs": lambda text: text.translate(_TWINS),
    "leet": lambda text: text.translate(_LEET),
    "capitals": str.upper,
    "tag characters": _tags,
    "variation selectors": _selectors,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: text.translate(_ROT),
    "percent escapes": lambda text: quote(text, safe=""),
    "HTML entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "backslash escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text if ord(c) < 65536),
    "in HTML": lambda text: f"<p style='display:none'>{html.escape(text)}</p>",
    "reversed": lambda text: text[::-1],
    "typos": typos,
    "many typos": lambda text: typos(text, 9),
}
