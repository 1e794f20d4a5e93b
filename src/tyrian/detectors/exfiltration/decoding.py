"""Tells encoded text from random identifiers: encoded text can be read once it is decoded."""

import base64
import binascii
import re

from tyrian.detectors.secrets.checks import has_entropy

_MAX = 2000
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){10,}")
_BASE32 = re.compile(r"[A-Za-z2-7]{16,}={0,6}")
_MIN_LETTERS_SHARE = 0.5
_MIN_OPAQUE = 32
_MIN_OPAQUE_BITS = 3.2
_FOUR_DIGITS = re.compile(r"(?:[^0-9]*+[0-9]){4}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=.~-]{32,}")


def hidden_text_of(value: str) -> str | None:
    """The text that the value encodes in hex, base64 or base32, None where it encodes none."""
    value = value[:_MAX]
    if len(value) < 16:
        return None
    if _HEX.fullmatch(value):
        return _readable(bytes.fromhex(value))
    if _BASE64.fullmatch(value):
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        plain = plain[: len(plain) - (len(plain) % 4 == 1)]
        text = _readable(base64.b64decode(plain + "=" * (-len(plain) % 4)))
        if text is not None:
            return text
    if _BASE32.fullmatch(value):
        plain = value.rstrip("=").upper()
        plain = plain[: len(plain) // 8 * 8]
        try:
            return _readable(base64.b32decode(plain))
        except binascii.Error:
            return None
    return None


def _readable(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    shown = text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
    letters = sum(c.isalpha() or c == " " for c in shown)
    if not shown.isprintable() or letters < _MIN_LETTERS_SHARE * len(shown):
        return None
    return text


def is_opaque(value: str) -> bool:
    """Long and without visible structure: a hash, a token, or encrypted data."""
    if len(value) < _MIN_OPAQUE or not _OPAQUE.fullmatch(value):
        return False
    # Names made of words with hyphens or underscores are long too, but hold few digits.
    return _FOUR_DIGITS.match(value) is not None and has_entropy(value[:_MAX], _MIN_OPAQUE_BITS)
