"""The secret that a client holds: its format, its checksum, its digest.

A token is `tyr_<kind>_`, 43 base62 characters (256 bits) and the CRC32 of all that as 6 base62
characters. A mistyped or invented token is told apart without asking the database, and secret
scanners can be sure of what they found.
"""

import hashlib
import re
import secrets
import string
import zlib
from enum import StrEnum
from typing import Final


class KeyKind(StrEnum):
    """What a key is for; it stands in the token, so that people see it."""

    LIVE = "live"
    TEST = "test"
    SERVICE = "svc"
    ADMIN = "adm"


ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
BODY_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6

TOKEN_PATTERN: Final = re.compile(r"\btyr_(?:live|test|svc|adm)_[0-9A-Za-z]{49}\b")
"""Finds whole tokens in running text."""

_WHOLE = re.compile(r"tyr_(?:live|test|svc|adm)_[0-9A-Za-z]{49}", re.ASCII)


def _checksum(head: str) -> str:
    number = zlib.crc32(head.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def mint(kind: KeyKind) -> str:
    """A new token of that kind, from the system's random source."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(BODY_LENGTH))
    head = f"tyr_{kind}_{body}"
    return head + _checksum(head)


def is_well_formed(token: str) -> bool:
    """True where format and checksum are right; says nothing about whether the key exists."""
    if _WHOLE.fullmatch(token) is None:
        return False
    head, checksum = token[:-CHECKSUM_LENGTH], token[-CHECKSUM_LENGTH:]
    return secrets.compare_digest(_checksum(head), checksum)


def digest(token: str) -> bytes:
    """SHA-256 of the token, which is all that is ever stored of it.

    A slow password hash would add nothing to 256 random bits and would let anybody stall the
    server by sending wrong keys.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def redacted(token: str) -> str:
    """The first 12 and last 4 characters: enough to recognise a key, too little to use it."""
    return f"{token[:12]}...{token[-4:]}"
