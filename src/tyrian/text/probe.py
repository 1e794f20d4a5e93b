"""One linear pass over a text that says which decoders are worth a try."""

from functools import cache

import re2

_LETTER = r"[\pL\pN]"
_GAP = r"[^\pL\pN\pM]"
_PATTERNS = {
    "despaced": rf"(?:^|{_GAP}){_LETTER}(?:{_GAP}{{1,4}}{_LETTER}){{4}}(?:$|{_GAP})",
    "respaced": r"[A-Za-z]{16}|[A-Za-z][_+.|/*~-]{1,2}[A-Za-z]+[_+.|/*~-]{1,2}[A-Za-z]",
    "base64": r"[A-Za-z0-9+/_-]{16}|[A-Za-z0-9+/_-]{6}=",
    "base32": r"[A-Z2-7]{16}",
    "hex": r"[0-9A-Fa-f]{12}|(?:[0-9A-Fa-f]{2}[ :,;-]{1,2}(?:0x)?){5}|(?:\\x[0-9A-Fa-f]{2}){4}",
    "binary": r"[01]{8}[ ,]?[01]{8}",
    "url": r"%[0-9A-Fa-f]{2}",
    "html": r"&(?:#[0-9xX]|amp;[A-Za-z#]|[A-Za-z]{2,30};)",
    "escapes": r"\\(?:[uUx][0-9A-Fa-f{]|[0-7]{3})",
    "deleet": r"[A-Za-z][0134578@$!|+9]+[A-Za-z]|\b[0134578@$!|][A-Za-z]{2}",
    "upside-down": "[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀Ⅎ⅄˙]",
    "unaccented": "[\u00c0-\u024f\u1e00-\u1eff]",
}


@cache
def _probes() -> tuple[re2.Set, tuple[str, ...]]:
    options = re2.Options()
    options.never_capture = True
    options.max_mem = 16 << 20
    options.log_errors = False
    chosen = re2.Set.SearchSet(options)
    for pattern in _PATTERNS.values():
        chosen.Add(pattern)
    chosen.Compile()
    return chosen, tuple(_PATTERNS)


def probe(text: str) -> set[str]:
    """Names of the decoders that may find something in a text without lone surrogates."""
    chosen, names = _probes()
    return {names[i] for i in chosen.Match(text) or ()}
