"""The images of a message: image parts, and `data:` URLs that stand in its text."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tyrian.core.message import ImagePart, Message
from tyrian.detectors.image.unreadable import UnreadableError

_IN_TEXT = re.compile(
    r"data:(image/[\w.+-]{1,60})((?:;[\w=.+-]{1,60}){0,4});base64,([A-Za-z0-9+/=_%-]+)",
    re.IGNORECASE | re.ASCII,
)
_MARK = "data:image/"
_SPACE = re.compile(rb"[\t\n\f\r ]+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_REMOTE = ("http://", "https://", "//")


@dataclass(frozen=True, slots=True)
class Source:
    """One image as the message holds it."""

    url: str
    start: int = 0
    end: int = 0
    """Its place in `Message.text`; both 0 for an image part."""

    @property
    def is_part(self) -> bool:
        """True for an image part, which the model sees as an image; else it stands in the text."""
        return self.end == 0

    @property
    def is_remote(self) -> bool:
        """True where there is only an address."""
        return self.url.lstrip().lower().startswith(_REMOTE)

    @property
    def declared(self) -> str:
        """The media type that the URL names, in lower case."""
        head = self.url.lstrip()[5:].partition(",")[0]
        return head.partition(";")[0].strip().lower()

    def data(self, limit: int) -> bytes:
        """The bytes of a `data:` URL; UnreadableError for any other, or over `limit` bytes.

        Decoding is strict: what another decoder might read otherwise is not read at all.
        """
        url = self.url.strip()
        if url[:5].lower() != "data:" or "," not in url:
            raise UnreadableError("bad-url", "an image that is no data: URL")
        head, _, body = url[5:].partition(",")
        if len(body) > 4 * limit:
            raise _too_large(limit)
        raw = unquote_to_bytes(body) if "%" in body else body.encode("utf-8", "replace")
        if head.lower().rpartition(";")[2].strip() == "base64":
            raw = _decoded(raw)
        if len(raw) > limit:
            raise _too_large(limit)
        return raw


def has_images(message: Message) -> bool:
    """True where a message may hold an image; cheap, since every message is asked."""
    return any(_MARK in segment.lower() for segment in message.segments) or any(
        isinstance(part, ImagePart) for part in message.parts
    )


def sources(message: Message, text: str) -> Iterator[Source]:
    """Every image of a message, parts first; `text` is `message.text`."""
    for part in message.images:
        yield Source(part.url)
    if _MARK in text.lower():
        for found in _IN_TEXT.finditer(text):
            yield Source(found[0], found.start(), found.end())


def _decoded(raw: bytes) -> bytes:
    compact = _SPACE.sub(b"", raw).translate(bytes.maketrans(b"-_", b"+/"))
    if not _BASE64.fullmatch(compact):
        raise UnreadableError("bad-base64", "an image whose base64 is broken")
    bare = compact.rstrip(b"=")
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise UnreadableError("bad-base64", "an image whose base64 is broken") from None


def _too_large(limit: int) -> UnreadableError:
    return UnreadableError("too-large", f"an image of more than {limit:,} bytes")
