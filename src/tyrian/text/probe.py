"""One linear pass over a text that says which decoders are worth a try."""

import re
from functools import cache

import re2

_LETTER = r"[\pL\pN]"
_GAP = r"[^\pL\pN\pM]"
_PATTERNS = {
    "despaced": rf"(?:^|{_GAP}){_LETTER}(?:{_GAP}{{1,4}}{_LETTER}){{4}}(?:$|{_GAP})",
    "respaced": r"[A-Za-z]{16}|[A-Za-z][_+.|/*~-]{1,2}[A-Za-z]+[_+.|/*~-]{1,2}[A-Za-z]",
    "base64": r"[A-Za-z0-9+/_-]{16}|[A-Za-z0-9+/_-]{6}=",
    "turns": r"[a-z0-9][A-Z]",
    "groups": r"[a-z0-9][A-Z][A-Za-z0-9]{0,9}=?=?[^A-Za-z0-9]{1,6}[A-Za-z0-9]{0,9}[a-z0-9][A-Z]",
    "base32": r"[A-Z2-7]{16}|[a-z2-7]{26}",
    "hex": (
        r"[0-9A-Fa-f]{12}|(?:[0-9A-Fa-f]{4}[ :,-]){4}"
        r"|(?:[0-9A-Fa-f]{2}[ :,;-]{1,2}(?:0x)?){5}|(?:\\x[0-9A-Fa-f]{2}){4}"
    ),
    "binary": r"[01]{8}[ ,]?[01]{8}",
    "url": r"%(?:u[0-9A-Fa-f]{2})?[0-9A-Fa-f]{2}",
    "html": r"&(?:#[0-9xX]|amp;[A-Za-z#]|[A-Za-z]{2,30};)",
    "escapes": r"\\(?:[uUx][0-9A-Fa-f{]|[0-7]{3}|[0-9A-Fa-f]{2})|(?:=[0-9A-F]{2}){4}",
    "deleet": r"[A-Za-z][0134578@$!|+9]+[A-Za-z]|\b[0134578@$!|][A-Za-z]{2}",
    "numbers": (
        r"(?:(?:3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])[^0-9A-Za-z]{1,4}){5}"
        r"|(?:0?[01][0-7]{2}[^0-9A-Za-z]{1,4}){6}|(?:0[oObB][01][0-7]{1,7}[^0-9A-Za-z]{1,3}){4}"
        r"|(?:U\+[0-9A-Fa-f]{4,5}[^0-9A-Za-z]{1,3}){4}|(?:chr\([0-9]{2,3}\)[^0-9A-Za-z]{1,4}){4}"
        r"|(?:\b(?:[1-9]|1[0-9]|2[0-6])-){3}|(?:[01]{6,8}[ ,\n]{1,2}){5}"
    ),
    "morse": r"(?:[.·•∙⋅˙●−–—_-]{1,6}[ /|\n]{1,3}){6}",
    "braille": "[\u2801-\u28ff]{3}",
    "flags": "[\U0001f1e6-\U0001f1ff]",
    "rot47": r"[0-9A-K][:;<=>?@][0-9:-K]{2}",
    "base85": (
        # In each group of five the first digit of text lies in the middle of the range.
        r"(?:^|[\s\"'(:])(?:<~)?(?:(?:[+-H][!-u]{4}){4}|(?:[A-Za-d][!#-&(-+\-0-9;-@A-Z^-~]{4}){4})"
    ),
    "base58": r"[1-9A-HJ-NP-Za-km-z]{22}",
    "upside-down": "[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀Ⅎ⅄˙]",
    "unaccented": "[\u00c0-\u024f\u1e00-\u1eff]",
}


_PLAIN = (
    "despaced", "respaced", "base64", "base32", "hex", "binary", "url", "html", "escapes", "deleet",
    "rot47", "turns",
)  # fmt: skip
_BASES = ("base85", "base58", "groups")
_SIGNALS = ("numbers", "morse")
_BEYOND_ASCII = ("upside-down", "unaccented", "braille", "flags")
_GROUPS = (
    ("base64", "respaced"), ("base32", "hex", "binary"), ("despaced", "deleet"),
    ("url", "html", "escapes", "rot47"), ("base85",), ("base58",), ("groups",), _SIGNALS,
)  # fmt: skip
LONG = 4096
"""From here on patterns that count are searched apart: together they make too many states."""


@cache
def _probe(names: tuple[str, ...]) -> re2.Set:
    options = re2.Options()
    options.never_capture = True
    options.max_mem = 16 << 20
    options.log_errors = False
    chosen = re2.Set.SearchSet(options)
    for name in names:
        chosen.Add(_PATTERNS[name])
    chosen.Compile()
    return chosen


_LEAST_DIGITS = 10
_LEAST_DASHES = 3
_DIGITS = b"0123456789"


def probe(text: str) -> set[str]:
    """Names of the decoders that may find something in a text without lone surrogates."""
    if text.isascii():
        if len(text) >= LONG:
            return _likely(text, *_GROUPS)
        found = _likely(text, _PLAIN)
        if "turns" in found:
            # What is written in digits of both cases has a large letter behind a small one.
            found |= _likely(text, _BASES)
        raw = text.encode("ascii")
        digits = len(raw) - len(raw.translate(None, _DIGITS))
        if digits >= _LEAST_DIGITS or raw.count(b"-") >= _LEAST_DASHES:
            found |= _likely(text, _SIGNALS)
        return found
    # Unicode's letters are slow to search for, and the decoder itself is not.
    raw_text = text.encode("ascii", "replace").decode("ascii")
    groups = _GROUPS if len(text) >= LONG else (_PLAIN, _BASES, _SIGNALS)
    found = _likely(raw_text, *groups)
    if len(text) >= LONG:
        found |= _likely(text, _BEYOND_ASCII) | {"despaced"}
    else:
        found |= _likely(text, (*_BEYOND_ASCII, "despaced"))
    return found | {"morse"} if _TYPOGRAPHIC.search(text) else found


_TYPOGRAPHIC = re.compile("[·•∙⋅˙●−–—‐‑]")


def _likely(text: str, *groups: tuple[str, ...]) -> set[str]:
    return {names[i] for names in groups for i in _probe(names).Match(text) or ()}
