"""Text in XMP packets (ISO 16684-1), found without an XML parser: no entity is ever expanded.

Readers of broken XML differ, and what any of them shows may be an attack: whatever is neither the
name of a tag or an attribute, nor a namespace, nor an identifier, is read.
"""

import re

from tyrian.detectors.image.metadata.found import Found
from tyrian.text.markup import untagged_pieces
from tyrian.text.rewrite import assemble
from tyrian.text.source import Source

_TAG = re.compile(r"<(?!!--|!\[CDATA\[)([^<>]+)>")
_TOKEN = re.compile(r"""([^\s="']+)(\s*=)?|"([^"]*)"?|'([^']*)'?""")
_NAMESPACE = re.compile(r"https?://[\w./#?&=%~:-]*|adobe:ns:meta/")
_IDENTIFIER = re.compile(r"(?:xmp\.[did]{3}|uuid|adobe:docid:\w+):[\w:-]+")
_FENCE = "<x/>"
"""A tag of no meaning, beyond which no other tag reaches."""

_UTF_16 = {
    encoding: tuple(head.encode(encoding) for head in ("<", "\ufeff"))
    for encoding in ("utf-16-le", "utf-16-be")
}
"""How a packet in UTF-16 begins; a NUL anywhere else makes none of one in UTF-8."""


def xmp_text(packet: bytes, found: Found) -> None:
    """All that a packet says goes to `found`, on lines of their own where tags part it."""
    text = found.bounded(_as_text(packet))
    source = Source(_FENCE + _TAG.sub(_opened, text))
    shown = assemble(len(source), untagged_pieces(source)).text
    lines = (line.strip("\ufeff \t") for line in shown.splitlines())
    found.add("\n".join(line for line in lines if line and not _IDENTIFIER.fullmatch(line)))


def _as_text(packet: bytes) -> str:
    for encoding, heads in _UTF_16.items():
        if packet.startswith(heads):
            return packet.decode(encoding, "replace")
    return packet.decode("utf-8", "replace")


def _opened(tag: re.Match[str]) -> str:
    """In the place of a tag, what it says besides its name and those of its attributes."""
    said = "".join(map(_said, _TOKEN.finditer(tag[1].strip("/?"))))
    if not said and ":" not in tag[1]:
        return tag[0]
    return f"{_FENCE}\n{said}\n{_FENCE}"


def _said(token: re.Match[str]) -> str:
    word, is_name, *quoted = token.groups()
    if word:
        return "" if is_name or token.start() == 0 else f" {word}"
    value = quoted[0] or quoted[1] or ""
    return "" if _NAMESPACE.fullmatch(value) else f"\n{value}\n"
