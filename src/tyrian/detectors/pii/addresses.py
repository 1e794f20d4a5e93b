"""Addresses: e-mail, IP, MAC and cryptocurrency."""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

import re2
from stdnum import bitcoin

from tyrian.core.detection import Severity
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.ipv4 import is_global_v4, parse_v4
from tyrian.detectors.pii.hit import CRYPTO, EMAIL, IP, MAC, Hit

_EMAIL_ASCII = re2.compile(
    rb"[A-Za-z0-9._%+'=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
)
_EMAIL_ANY = re2.compile(
    rb"[\pL\pN._%+'=-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+",
)
_EMAIL_SHAPE = re.compile(r"[^.@][^@]{0,63}(?<!\.)@(?:(?!-)[^@.]{1,63}(?<!-)\.)+[^\W\d_-]{2,24}")
_NO_MAIL = re.compile(r"@[123]x\.")
_DOCUMENTATION = ("example.com", "example.org", "example.net", ".example", ".invalid", ".test")
_EDGE = "'.%=+-"


def emails(hay: Haystack) -> Iterator[Hit]:
    """E-mail addresses; those of documentation domains count for less."""
    if b"@" not in hay.data:
        return
    pattern = _EMAIL_ASCII if hay.is_ascii else _EMAIL_ANY
    for match in pattern.finditer(hay.data):
        start, end = hay.span(*match.span())
        address = hay.text[start:end]
        kept = address.lstrip(_EDGE)
        start += len(address) - len(kept)
        address = kept.rstrip("-.")
        domain = address.rpartition("@")[2]
        top = domain.rpartition(".")[2]
        if len(address) > 254 or not _EMAIL_SHAPE.fullmatch(address) or not top[:1].isalpha():
            continue
        if _NO_MAIL.search(address):
            continue
        score = 0.6 if domain.lower().endswith(_DOCUMENTATION) else 0.95
        yield Hit(start, start + len(address), EMAIL, "pii.email", "e-mail address", score)


_IP = re2.compile(
    rb"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b"
    rb"|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"
    rb"|(?:\b[0-9A-Fa-f]{1,4}:|::)(?:[0-9A-Fa-f]{0,4}:){1,7}(?:[0-9A-Fa-f]{1,4}\b)?"
)
_MAC_SHAPE = re.compile(r"(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_VERSION_WORDS = ("version", "versions", "release", "build", "firmware", "==", ">", "<", "~", "^")
_MIN_V6_GROUPS = 3
_MULTICAST = 224 << 24


def machine_addresses(hay: Haystack) -> Iterator[Hit]:
    """IPv4, IPv6 and MAC addresses; private and reserved IPs count for less."""
    text = hay.text
    for match in _IP.finditer(hay.data):
        start, end = hay.span(*match.span())
        if not _stands_alone(text, start, end):
            continue
        value = text[start:end]
        if value.endswith(":") and not value.endswith("::"):
            value = value[:-1]
        if _MAC_SHAPE.fullmatch(value):
            yield Hit(start, end, MAC, "pii.mac", "MAC address", 0.6)
        elif hit := _ip(text, value, start):
            yield hit


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    if before and (before.isalnum() or before in ".:-_"):
        return False
    if not after:
        return True
    return not (after[0].isalnum() or (after[0] in ".:-" and after[1:].isalnum()))


def _ip(text: str, value: str, start: int) -> Hit | None:
    if "." in value and ":" not in value:
        number = parse_v4(value)
        if number is None or _is_version(text, start):
            return None
        version, is_public = 4, is_global_v4(number) and number < _MULTICAST
    else:
        version, is_public = _classify_v6(value)
    if not version:
        return None
    what = "public IP address" if is_public else "private or reserved IP address"
    score = 0.7 if is_public else 0.3
    return Hit(start, start + len(value), IP, f"pii.ipv{version}", what, score, Severity.LOW)


def _is_version(text: str, start: int) -> bool:
    lead = text[max(0, start - 16) : start].rstrip(" :=\t").lower()
    return lead.endswith(_VERSION_WORDS) or text[max(0, start - 2) : start] in ("==", "~=")


@lru_cache(maxsize=4096)
def _classify_v6(value: str) -> tuple[int, bool]:
    """6 and whether the world can reach the address; 0 where it is none or could be a time."""
    groups = [group for group in value.split(":") if group]
    if len(groups) < _MIN_V6_GROUPS or not any(c.isdigit() for c in value):
        return 0, False
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return 0, False
    return 6, address.is_global and not address.is_multicast


_CRYPTO = re2.compile(
    rb"\b(?:0x[0-9a-fA-F]{40}|bc1[0-9ac-hj-np-z]{25,62}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})\b"
)


_BASE58 = {sign: at for at, sign in enumerate(
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}  # fmt: skip
_BASE58_BYTES = 25
MAX_SEGWIT = 500
"""Newer Bitcoin addresses of one text whose checksum is computed; more are judged by their form."""


def crypto_addresses(hay: Haystack) -> Iterator[Hit]:
    """Bitcoin addresses with their checksum, and Ethereum's."""
    segwit = 0
    for match in _CRYPTO.finditer(hay.data):
        value = match.group().decode()
        start, end = hay.span(*match.span())
        if value.startswith("0x"):
            yield Hit(start, end, CRYPTO, "pii.ethereum", "Ethereum address", 0.6)
            continue
        if value.startswith("bc1"):
            segwit += 1
            is_valid = segwit > MAX_SEGWIT or bitcoin.is_valid(value)
        else:
            is_valid = _has_base58_check(value)
        if is_valid:
            yield Hit(start, end, CRYPTO, "pii.bitcoin", "Bitcoin address", 0.9)


def _has_base58_check(value: str) -> bool:
    """Base58Check: the last four bytes are of the double SHA-256 of those before."""
    number = 0
    for sign in value:
        number = number * 58 + _BASE58[sign]
    try:
        raw = number.to_bytes(_BASE58_BYTES, "big")
    except OverflowError:
        return False
    return sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]
