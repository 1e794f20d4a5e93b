"""What is gathered from an image's metadata, within bounds."""

import re
import zlib
from collections.abc import Iterable

from tyrian.detectors.image.unreadable import Fault, UnreadableError

MAX_INFLATED = 1 << 20
"""Bytes that one compressed text may inflate to."""
MAX_MARKUP = 1 << 20
"""Characters of marked-up text of one image that are looked at."""
MAX_ITEMS = 5_000
"""Chunks, segments or tags of one image that are looked at."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_WORTH_READING = re.compile(r"[^\W\d_]{2}|\S(?:\s*\S){7}")
"""Two letters side by side, or eight signs: letters may be parted, hidden or written as numbers."""


class Found:
    """Texts of one image, at most `limit` characters; `end` is where the image itself ends."""

    def __init__(self, limit: int) -> None:
        self.texts: list[str] = []
        self.faults: list[Fault] = []
        self.end = 0
        """Offset of the first byte behind the image; 0 where the format does not tell."""
        self._left = limit
        self._markup_left = MAX_MARKUP
        self._seen: set[str] = set()

    def add(self, text: str) -> None:
        """Keep a text that a person or a model could read, once."""
        clean = _CONTROLS.sub(" ", text).strip()
        if not _WORTH_READING.search(clean) or clean in self._seen:
            return
        if len(clean) > self._left:
            self._fail_for_length()
        kept = clean[: self._left]
        if kept:
            self._seen.add(kept)
            self.texts.append(kept)
            self._left -= len(kept)

    def add_bytes(self, raw: bytes) -> None:
        """Keep a text of unknown encoding: UTF-16 by its mark, UTF-8, or else Latin-1."""
        self.add(decoded(raw))

    def add_all(self, texts: Iterable[str]) -> None:
        """Keep several texts."""
        for text in texts:
            self.add(text)

    def bounded(self, markup: str) -> str:
        """As much of a marked-up text as is still looked at in this image."""
        if len(markup) > self._markup_left:
            self._fail_for_length()
        kept = markup[: self._markup_left]
        self._markup_left -= len(kept)
        return kept

    def inflated(self, raw: bytes) -> bytes:
        """zlib data inflated; what goes beyond the bound is cut off and noted."""
        engine = zlib.decompressobj()
        try:
            out = engine.decompress(raw, MAX_INFLATED)
        except zlib.error:
            self.fail("bad-metadata", "compressed metadata that is broken")
            return b""
        if engine.unconsumed_tail:
            self.fail("bomb", "metadata that inflates beyond all bounds")
        return out

    def fail(self, rule: str, message: str) -> None:
        """Note that something here was not read."""
        fault = UnreadableError(rule, message).fault
        if fault not in self.faults:
            self.faults.append(fault)

    def note(self, fault: Fault) -> None:
        """Note other evidence."""
        if fault not in self.faults:
            self.faults.append(fault)

    def _fail_for_length(self) -> None:
        self.fail("too-much-text", "more text in its metadata than is read")


def decoded(raw: bytes) -> str:
    """Bytes of unknown encoding as text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
