"""One linear pass over a text that says which decoders are worth a try."""

from functools import cache

import re2

_LETTER = r"[\pL\pN]"
_GAP = r"[^\pL\pN\pM]"
_PATTERNS = {
    "despaced": rf"(?:^|{_GAP}){_LETTER}(?:{_GAP}{{1,4}}{_LETTER}){{4}}(?:$|{_GAP})",
    "respaced": r"[A-Za-z]{16}|[A-Za-z][_+.|/*~-]{1,2}[A-Za-z]+[_+.|/*~-]{1,2}[A-Za-z]",
    "base64": r"[A-Za-z0-9+/_-]{16}|[A-Za-z0-9+/_-]{6}=|[a-z0-9][A-Z]",
    "base32": r"[A-Z2-7]{16}|[a-z2-7]{16}",
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
    "base85": r"[!-~]{20}",
    "base58": r"[1-9A-HJ-NP-Za-km-z]{22}",
    "upside-down": "[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀Ⅎ⅄˙]",
    "unaccented": "[\u00c0-\u024f\u1e00-\u1eff]",
}


_ALL = tuple(_PATTERNS)
_GROUPS = (
    ("base64", "respaced"), ("base32", "hex", "binary"), ("despaced", "deleet"),
    ("url", "html", "escapes", "rot47"), ("numbers",), ("morse",), ("base85",), ("base58",),
)  # fmt: skip
_BEYOND_ASCII = ("upside-down", "unaccented", "braille", "flags")
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


def probe(text: str) -> set[str]:
    """Names of the decoders that may find something in a text without lone surrogates."""
    if len(text) < LONG:
        return {_ALL[i] for i in _probe(_ALL).Match(text) or ()}
    if text.isascii():
        return _likely(text, *_GROUPS)
    # Unicode's letters are slow to search for, and the decoder itself is not.
    raw = text.encode("ascii", "replace").decode("ascii")
    return _likely(raw, *_GROUPS) | _likely(text, _BEYOND_ASCII) | {"despaced", "morse"}


def _likely(text: str, *groups: tuple[str, ...]) -> set[str]:
    return {names[i] for names in groups for i in _probe(names).Match(text) or ()}
