"""What a text says, whatever its dress: letters without spaces, signs and case; telling words.

A value that is quoted is rarely quoted byte for byte: it is wrapped, escaped, re-spaced, written in
capitals, in base64, backwards. All of these have the same letters.
"""

import re
import unicodedata
from collections.abc import Iterator

from tyrian.text.views import views_of

_LOWER = bytes(c + 32 if 65 <= c <= 90 else c for c in range(256))
_SIGNS = bytes(c for c in range(128) if not chr(c).isalnum())
_ROT13 = bytes(97 + (c - 97 + 13) % 26 if 97 <= c <= 122 else c for c in range(256))

_ENCODED = re.compile(
    r"%[0-9A-Fa-f]{2}|\\[uxnrt\"'\\/]|&#?\w{2,8};|[A-Za-z0-9+/_-]{8,}={1,2}"
    r"|(?:[0-9A-Fa-f]{2}[ :]?){8,}|[A-Za-z0-9+/]{16,}"
)
_LEAST_ENCODED = 16
_LONG_RUN = b"a" * _LEAST_ENCODED
_HEX_PAIRS = b"hh hh hh "
_BASE64 = b"0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz+/_-"
_OF_BASE64 = bytes(ord("a") if c in _BASE64 else 0 for c in range(256))
_OF_HEX = bytes(ord("h") if c in _BASE64[:22] else 32 * (c == 32) for c in range(256))
_PLAIN_RUN = re.compile(r"[a-z/]+|[A-Za-z][a-z]+|[A-Z]+|[0-9]+")

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)

_WORD = re.compile(r"[^\s\"'<>(){}\[\],;|`\\]{4,256}")
_PIECE = re.compile(r"[^/:=?&@#%]{4,256}")
_EDGES = ".:!?*_-=/"
_LEAST = 4
_TELLING = re.compile(r"@|://|\d{7}|\d[^\W\d]|[^\W\d][-._]?\d")
_LEAST_TELLING = 6
_LONGEST_WORD = 256
_AT_OR_DIGIT = re.compile(r"[@\d]")
_WITHIN = re.compile(r"\.\w")
_BLANK = re.compile(r"\s")


def letters(text: str) -> bytes:
    """Letters and digits alone, in small ones; other scripts as UTF-8 of their plainest form."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
        text = "".join(c for c in text if c < "\x80" or c.isalnum())
    return text.encode("utf-8", "surrogatepass").translate(_LOWER, _SIGNS)


def readings(text: str) -> Iterator[str]:
    """The text itself, and what stands in it in some encoding."""
    yield text
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if not _may_be_encoded(text):
        return
    if any(not _PLAIN_RUN.fullmatch(found[0]) for found in _ENCODED.finditer(text)) or (
        not text.isascii()
    ):
        for view in views_of(text).all:
            if view.text != text:
                yield view.text


def _may_be_encoded(text: str) -> bool:
    """Whether there is a sign of an encoding, or a run that is long enough for one."""
    if not text.isascii() or "%" in text or "&" in text or "=" in text or "\\" in text:
        return True
    if len(text) < _LEAST_ENCODED:
        return False
    said = text.encode()
    return _LONG_RUN in said.translate(_OF_BASE64) or _HEX_PAIRS in said.translate(_OF_HEX)


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1]
    if digits:
        return chr(int(digits, 16))
    return " " if escape[0][1] in "nrtbf" else escape[0][1]


def disguises(said: bytes) -> tuple[bytes, ...]:
    """Letters as they stand, backwards, and shifted by thirteen."""
    return said, said[::-1], said.translate(_ROT13)


def words(text: str) -> set[str]:
    """The words of a text that are more than a plain word: addresses, names, numbers, keys.

    Those that stand in a longer one, such as the host in a URL, are words too.
    """
    found: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if word.isalpha():
            continue
        found.add(word)
        word = word.strip(_EDGES)
        if len(word) >= _LEAST and not word.isalpha():
            found.add(word)
        for piece in _PIECE.findall(word):
            piece = piece.strip(_EDGES)
            if len(piece) >= _LEAST and not piece.isalpha():
                found.add(piece)
    return found


def telling(value: str) -> set[str]:
    """The words of a value that tell by themselves where they are from.

    A value of one word counts whole; within a longer one only what is hardly there by chance.
    """
    found: set[str] = set()
    if _may_tell(value):
        found = {word for word in words(value) if _is_telling(word)}
    if len(value) <= _LONGEST_WORD and " " not in (whole := value.strip()):
        whole = whole.casefold()
        if len(whole) >= _LEAST and not whole.isalpha() and not _BLANK.search(whole):
            found.add(whole)
    return found


def _may_tell(value: str) -> bool:
    """False where no word of a text tells, read forwards or backwards."""
    return bool(_AT_OR_DIGIT.search(value) or "//" in value or _WITHIN.search(value))


def _is_telling(word: str) -> bool:
    return len(word) >= _LEAST_TELLING and ("." in word or bool(_TELLING.search(word)))
