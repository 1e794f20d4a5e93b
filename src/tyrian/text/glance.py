"""Quick looks at short texts: may a decoder find anything at all?

The decoders work on arrays, which pays for long texts only. Each look here says no where its
decoder would find nothing, in a few microseconds, and yes where it might.
"""

import base64
import binascii
import re
from collections.abc import Callable
from string import ascii_letters, digits

from tyrian.text.bases import LEAST_BASE58, is_base85_head
from tyrian.text.fragments import has_broken_words
from tyrian.text.leet import (
    AS_I,
    AS_L,
    LEAST_GLUED,
    LEAST_MIXED,
    LEAST_STRONG,
    MAY_END,
    is_proven,
    words_in,
)
from tyrian.text.letters import may_be_unaccented
from tyrian.text.source import Source
from tyrian.text.spacing import LEAST_WORDS, is_attack
from tyrian.text.words import Speller, has_strong, strong_places

SHORT = 4096
"""Longer texts go straight to the decoders."""


def _parting(kept: str) -> bytes:
    """A table that turns all bytes but these into spaces."""
    return bytes(c if c < 0x80 and chr(c) in kept else 0x20 for c in range(256))


_BASE64_PARTS = _parting(ascii_letters + digits + "+/-_=")
_HEAD = 16
_LEAST_PADDED = 6
_EQUALS = 0x3D
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def may_be_base64(source: Source) -> bool:
    """True where a run of digits begins with bytes that are UTF-8 or UTF-16."""
    text = source.raw
    tokens = text.translate(_BASE64_PARTS).split()
    chosen = [token for token in tokens if len(token) >= _HEAD or token[-1] == _EQUALS]
    return any(_begins_as_text(token) for token in chosen if len(token) >= _LEAST_PADDED)


def may_be_groups(source: Source) -> bool:
    """True where several tokens are like base64, and one of whole fours begins as text."""
    tokens = source.raw.translate(_BASE64_PARTS).split()
    groups = [token for token in tokens if _is_like_digits(token.rstrip(b"="))]
    if len(groups) < 2 or sum(map(len, groups)) < _HEAD:
        return False
    return any(len(token) & 3 == 0 and _begins_as_text(token) for token in groups)


def _is_like_digits(token: bytes) -> bool:
    """True for what base64 is like: letters of both cases, large ones or digits inside."""
    is_plain = token[1:].isalpha() and token[1:].islower()
    return not is_plain and token.upper() != token != token.lower()


def _begins_as_text(token: bytes) -> bool:
    # An equals sign before a run is an assignment, one inside of it ends it.
    return any(_is_text_head(run[:_HEAD]) for run in token.split(b"=") if len(run) >= 2)


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
_WIDE_LINK = re.compile(rb"[_+.|/*~-]{3}")


def may_be_glued(source: Source) -> bool:
    """True where a word of attacks stands in a long run of letters, or linked to two others."""
    text = source.raw
    places = strong_places(text.lower())
    if not places:
        return False
    parts = b" %b " % text.translate(_GLUE_PARTS)
    seen = set()
    for start, _ in places:
        # All places are one further on in `parts`.
        at = parts.rfind(b" ", 0, start + 1) + 1
        if at not in seen and _is_glued(parts[at : parts.find(b" ", at)]):
            return True
        seen.add(at)
    return False


def _is_glued(token: bytes) -> bool:
    if _WIDE_LINK.search(token):
        return True
    runs = token.translate(_UNLINKED).decode("ascii").split()
    if len(runs) >= LEAST_WORDS and is_attack(runs):
        return True
    long = [run for run in runs if len(run) >= _LEAST_RUN]
    return any(is_attack(words) for words in Speller().cut(long) if len(words) >= LEAST_WORDS)


_LEET_PARTS = _parting(ascii_letters + digits + "@$!|+")


def may_be_leet(source: Source) -> bool:
    """True where a token with signs in it reads as a common word, or is long."""
    text = source.raw
    tokens = [
        token.rstrip(MAY_END)
        for token in text.lower().translate(_LEET_PARTS).split()
        if not token.isalpha()
    ]
    joined = b" ".join(tokens)
    found = joined.translate(AS_I).split() + joined.translate(AS_L).split()
    words = words_in([word.decode("ascii") for word in found])
    if is_proven(words, words):
        return True
    glued = [t for t in tokens if len(t) >= LEAST_GLUED and not t.isdigit()]
    if len(tokens) >= LEAST_MIXED:
        return True
    return bool(glued) and has_strong(
        b" ".join(glued).translate(AS_I).decode("ascii"), at_least=LEAST_STRONG
    )


_BASE32_PARTS = _parting(ascii_letters + "234567")
_LEAST_BASE32 = 16


def may_be_base32(source: Source) -> bool:
    """True where a long token of one case begins with five bytes of ASCII."""
    return any(
        not base64.b32decode(token[:8].upper()).translate(None, _ASCII)
        for token in source.raw.translate(_BASE32_PARTS).split()
        if len(token) >= _LEAST_BASE32 and (token.isupper() or token.islower())
    )


_ASCII = bytes(range(0x80))


_ALNUM_PARTS = _parting(ascii_letters + digits)


def may_be_base58(source: Source) -> bool:
    """True where a long token mixes digits and letters of both cases."""
    text = source.raw
    return any(
        not token.isalpha() and not token.islower() and not token.isupper()
        for token in text.translate(_ALNUM_PARTS).split()
        if len(token) >= LEAST_BASE58
    )


_LEAST_BASE85 = 20
_FRAME = b"<~"


def may_be_base85(source: Source) -> bool:
    """True where a long token begins with eight bytes of text."""
    text = source.raw
    return any(
        len(token) >= _LEAST_BASE85 and is_base85_head(token.removeprefix(_FRAME)[:10])
        for token in text.split()
    )


GLANCES: dict[str, Callable[[Source], bool]] = {
    "base64": may_be_base64,
    "groups": may_be_groups,
    "base32": may_be_base32,
    "base58": may_be_base58,
    "respaced": may_be_glued,
    "deleet": may_be_leet,
    "base85": may_be_base85,
    "rejoined": has_broken_words,
    "unaccented": may_be_unaccented,
}
