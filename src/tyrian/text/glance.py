"""Quick looks at short texts: may a decoder find anything at all?

The decoders work on arrays, which pays for long texts only. Each look here says no where its
decoder would find nothing, in a few microseconds, and yes where it might.
"""

import binascii
from collections.abc import Callable
from string import ascii_letters, digits

from tyrian.text.bases import is_base85_head
from tyrian.text.fragments import has_broken_words
from tyrian.text.leet import AS_I, AS_L, LEAST_GLUED, MAY_END
from tyrian.text.words import COMMON, strong_places

SHORT = 4096
"""Longer texts go straight to the decoders."""


def _parting(kept: str) -> bytes:
    """A table that turns all bytes but these into spaces."""
    return bytes(c if c < 0x80 and chr(c) in kept else 0x20 for c in range(256))


_BASE64_PARTS = _parting(ascii_letters + digits + "+/-_=")
_HEAD = 16
_LEAST_PADDED = 6
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def may_be_base64(text: bytes) -> bool:
    """True where a run of digits begins with bytes that are UTF-8 or UTF-16."""
    tokens = text.translate(_BASE64_PARTS).split()
    if any(
        (len(token) >= _HEAD or (token[-1] == 0x3D and len(token) >= _LEAST_PADDED))
        and _begins_as_text(token)
        for token in tokens
    ):
        return True
    return any(_is_group(token.rstrip(b"=")) for token in tokens if len(token) & 3 == 0)


def _is_group(token: bytes) -> bool:
    """True for what base64 is like: letters of both cases, and not only the first one large."""
    is_cased = not token[1:].islower() and not token.isupper() and not token.isdigit()
    return is_cased and b"=" not in token and _is_text_head(token[:_HEAD])


def _begins_as_text(token: bytes) -> bool:
    # An equals sign before a run is an assignment, one inside of it ends it.
    return any(_is_text_head(run[:_HEAD]) for run in token.split(b"=") if len(run) >= _LEAST_PADDED)


def _is_text_head(run: bytes) -> bool:
    head = binascii.a2b_base64(run[: len(run) & ~3].translate(_TO_STANDARD))
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 or not any(head[1::2])
    return True


_GLUE_PARTS = _parting(ascii_letters + "_+.|/*~-")
_LEAST_RUN = 16
_LINKS = b"_+.|/*~-"
_UNLINKED = bytes.maketrans(_LINKS, b" " * len(_LINKS))
_LEAST_LINKS = 2


def may_be_glued(text: bytes) -> bool:
    """True where a word of attacks stands in a long run of letters, or linked to two others."""
    places = strong_places(text.lower())
    if not places:
        return False
    parts = b" %b " % text.translate(_GLUE_PARTS)
    for start, end in places:
        # All places are one further on in `parts`.
        token = parts[parts.rfind(b" ", 0, start + 1) + 1 : parts.find(b" ", end + 1)]
        if len(token) - len(token.translate(None, _LINKS)) >= _LEAST_LINKS:
            return True
        if any(len(run) >= _LEAST_RUN for run in token.translate(_UNLINKED).split()):
            return True
    return False


_LEET_PARTS = _parting(ascii_letters + digits + "@$!|+")


def may_be_leet(text: bytes) -> bool:
    """True where a token with signs in it reads as a common word, or is long."""
    tokens = [
        token.rstrip(MAY_END)
        for token in text.lower().translate(_LEET_PARTS).split()
        if not token.isalpha()
    ]
    joined = b" ".join(tokens)
    found = joined.translate(AS_I).split() + joined.translate(AS_L).split()
    if not COMMON.isdisjoint([word.decode("ascii") for word in found]):
        return True
    return any(len(token) >= LEAST_GLUED and not token.isdigit() for token in tokens)


_LEAST_BASE85 = 20
_FRAME = b"<~"


def may_be_base85(text: bytes) -> bool:
    """True where a long token begins with eight bytes of text."""
    return any(
        len(token) >= _LEAST_BASE85 and is_base85_head(token.removeprefix(_FRAME)[:10])
        for token in text.split()
    )


GLANCES: dict[str, Callable[[bytes], bool]] = {
    "base64": may_be_base64,
    "respaced": may_be_glued,
    "deleet": may_be_leet,
    "base85": may_be_base85,
    "rejoined": has_broken_words,
}
