"""Checks that tell a real secret from something of the same shape."""

import base64
import binascii
import json
import math
import re
import string
import zlib
from collections import Counter
from collections.abc import Callable

from ahocorasick_rs import AhoCorasick, Implementation

Check = Callable[[str], bool]

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CRC_LENGTH = 6


def base62_crc(body: str) -> str:
    """CRC-32 of an ASCII text as six base-62 digits (GitHub's, npm's and our own scheme)."""
    value = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CRC_LENGTH):
        value, rest = divmod(value, 62)
        digits.append(BASE62[rest])
    return "".join(reversed(digits))


def ends_with_crc(token: str) -> bool:
    """`prefix_BODYcccccc`: the last six are the CRC of BODY (GitHub, npm)."""
    body = token.partition("_")[2]
    return base62_crc(body[:-_CRC_LENGTH]) == body[-_CRC_LENGTH:]


def whole_ends_with_crc(token: str) -> bool:
    """The last six are the CRC of everything before them (Tyrian's own keys)."""
    return base62_crc(token[:-_CRC_LENGTH]) == token[-_CRC_LENGTH:]


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


_NEAR = 1e-9


def has_entropy(value: str, bits: float) -> bool:
    """The value has at least that many bits per character.

    The number of distinct characters bounds the entropy on both sides, which mostly settles it.
    """
    size, distinct = len(value), len(set(value))
    if not size or math.log2(distinct) < bits - _NEAR:
        return size == 0 and bits <= 0
    most = size - distinct + 1
    if math.log2(size) - most * math.log2(most) / size > bits + _NEAR:
        return True
    return entropy(value) >= bits


def at_least(bits: float) -> Check:
    """A check for Shannon entropy."""
    return lambda value: has_entropy(value, bits)


_PLACEHOLDER_WORDS = (
    "example",
    "placeholder",
    "change-me",
    "change_me",
    "changeme",
    "changeit",
    "dummy",
    "redacted",
    "insert",
    "replace",
    "your",
    "my-api",
    "my_api",
    "my-secret",
    "my_secret",
    "mysecret",
    "my-token",
    "my_token",
    "mytoken",
    "my_key",
    "mypass",
    "my_pass",
    "xxxx",
    "***",
    "...",
    "----",
    "____",
    "000000",
    "111111",
    "1234567",
    "abcdefg",
    "todo",
    "fixme",
    "deadbeef",
    "<",
    ">",
    "{",
    "}",
    "$(",
    "%(",
)
_PLACEHOLDERS = AhoCorasick(_PLACEHOLDER_WORDS, implementation=Implementation.DFA)
_VARIABLE = re.compile(r"\$[A-Za-z_]{3}")
_MIN_DISTINCT_SHARE = 0.15


def is_placeholder(value: str) -> bool:
    """True for what documentation puts where a secret goes: `<your key>`, `xxxx`, `${VAR}`."""
    if _PLACEHOLDERS.find_matches_as_indexes(value.lower()) or _VARIABLE.match(value):
        return True
    return len(set(value)) < min(6, max(3, len(value) * _MIN_DISTINCT_SHARE))


_ACCOUNT_MASK = 0x7FFFFFFFFF80
_ACCOUNT_SHIFT = 7
_ACCOUNT_LIMIT = 10**12
_WITHOUT_ACCOUNT = "IJ"


def is_aws_key_id(token: str) -> bool:
    """The account number inside an AWS key id has at most 12 digits; old ids carry none."""
    body = token[4:]
    if body[0] in _WITHOUT_ACCOUNT:
        return True
    try:
        raw = base64.b32decode(body)
    except binascii.Error:
        return False
    account = (int.from_bytes(raw[:6], "big") & _ACCOUNT_MASK) >> _ACCOUNT_SHIFT
    return account < _ACCOUNT_LIMIT


def decode_base64(value: str) -> bytes | None:
    """Base64 of either alphabet, with or without padding; None where it is none."""
    plain = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def has_jwt_header(token: str) -> bool:
    """The first segment is a JSON object that names an algorithm."""
    raw = decode_base64(token.partition(".")[0])
    if raw is None:
        return False
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def is_basic_auth(value: str) -> bool:
    """Base64 of `user:password`, as the Authorization header has it."""
    raw = decode_base64(value)
    if raw is None:
        return False
    user, colon, password = raw.partition(b":")
    return bool(colon and password) and (user + password).isascii()


def is_snowflake_token(token: str) -> bool:
    """Discord: the first segment is the base64 of the bot's numeric id."""
    raw = decode_base64(token.partition(".")[0])
    return raw is not None and raw.isdigit()


_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{20}")


def has_key_body(block: str) -> bool:
    """A PEM block with base64 in it, not dots or a placeholder."""
    return _KEY_LINE.search(block) is not None and "example" not in block.lower()


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def is_bech32(token: str) -> bool:
    """BIP-173 checksum (age keys)."""
    human, _, data = token.lower().rpartition("1")
    if any(c not in _BECH32 for c in data):
        return False
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [_BECH32.index(c) for c in data]
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            state ^= term if top >> bit & 1 else 0
    return state == 1
