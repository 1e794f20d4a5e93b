"""Text in XMP packets (ISO 16684-1), found without an XML parser: no entity is ever expanded."""

import html
import re
from collections.abc import Iterator

_ELEMENT = re.compile(r">([^<>]{2,})<")
_ATTRIBUTE = re.compile(r"""[\w:.-]+\s*=\s*(?:"([^"<>]{2,})"|'([^'<>]{2,})')""")
_NAMESPACE = re.compile(r"https?://|[\w-]+:[\w./-]*$")


def xmp_texts(packet: bytes) -> Iterator[str]:
    """The texts of elements and attributes of a packet, in order."""
    text = _as_text(packet)
    for found in _ELEMENT.finditer(text):
        yield html.unescape(found[1])
    for found in _ATTRIBUTE.finditer(text):
        value = html.unescape(found[1] or found[2])
        if not _NAMESPACE.match(value):
            yield value


def _as_text(packet: bytes) -> str:
    if b"\x00" in packet[:64]:
        return packet.decode("utf-16-le" if packet[1:2] == b"\x00" else "utf-16-be", "replace")
    return packet.decode("utf-8", "replace")
