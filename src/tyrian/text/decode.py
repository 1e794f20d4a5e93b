"""Encodings that a model reads as easily as text: find them, prove them, decode them."""

import base64
import binascii
import html
import re
from collections.abc import Callable
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from urllib.parse import unquote_to_bytes

from tyrian.text.rewrite import Piece

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_SAMPLE = 4096
_LETTERS = (ascii_letters + " ").encode()
_LEAST_TEXT = 4
_BEYOND_CHANCE = 24


def as_text(data: bytes) -> str:
    """The bytes as text where they are text beyond doubt, else empty."""
    if len(data) >= 8 and not any(data[1:64:2]) and data[0]:
        data = data.decode("utf-16-le", "replace").encode()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3:
            return ""
        text = data[: error.start].decode("utf-8")
    sample = text[:_SAMPLE]
    if sample.isascii():
        letters = len(sample) - len(sample.encode().translate(None, _LETTERS))
    else:
        letters = sum(c.isalpha() or c == " " for c in sample)
    is_clean = len(_CONTROLS.findall(sample)) * 30 <= len(sample)
    is_prose = letters * 10 >= len(sample) * 6
    # Chance makes no long ASCII text; digits and signs may be the next encoding.
    is_prose |= len(sample) >= _BEYOND_CHANCE and sample.isascii()
    is_prose &= len(sample) >= _LEAST_TEXT
    return text if is_clean and is_prose and len(set(sample)) > 2 else ""


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*={0,2}")
_PADDED = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{6,15}={1,2}(?![A-Za-z0-9=])")
_TO_STANDARD = str.maketrans("-_", "+/", "\r\n=")


def _unbase64(token: str) -> str:
    digits = token.translate(_TO_STANDARD)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        return as_text(binascii.a2b_base64(digits + "=" * (-len(digits) % 4)))
    except binascii.Error:
        return ""


def base64_pieces(text: str) -> list[Piece]:
    """Base64, standard or URL-safe, in one line or wrapped."""
    pieces = []
    for match in _BASE64.finditer(text):
        if decoded := _unbase64(match[0]):
            pieces.append(Piece(match.start(), match.end(), decoded))
        elif "\n" in match[0]:
            pieces += _each_line(match[0], match.start())
    pieces += [
        Piece(match.start(), match.end(), decoded)
        for match in _PADDED.finditer(text)
        if (decoded := _unbase64(match[0]))
    ]
    return sorted(pieces)


def _each_line(block: str, at: int) -> list[Piece]:
    pieces = []
    for line in block.splitlines(keepends=True):
        if len(line) > 16 and (decoded := _unbase64(line)):
            pieces.append(Piece(at, at + len(line.rstrip()), decoded))
        at += len(line)
    return pieces


_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{16,}={0,6}(?![A-Za-z0-9])")


_SHORT_BASE32 = 64
_TO_INT = str.maketrans(ascii_uppercase + "234567", "0123456789" + ascii_lowercase[:22])


def base32_pieces(text: str) -> list[Piece]:
    """Base32 in capitals."""
    pieces = []
    for match in _BASE32.finditer(text):
        digits = match[0].rstrip("=")
        digits = digits[: len(digits) - {1: 1, 3: 1, 6: 1}.get(len(digits) % 8, 0)]
        if decoded := as_text(_unbase32(digits)):
            pieces.append(Piece(match.start(), match.end(), decoded))
    return pieces


def _unbase32(digits: str) -> bytes:
    if len(digits) > _SHORT_BASE32:
        return base64.b32decode(digits + "=" * (-len(digits) % 8))
    value = int(digits.translate(_TO_INT), 32)
    surplus = len(digits) * 5 % 8
    return (value >> surplus).to_bytes(len(digits) * 5 // 8)


_HEX = re.compile(
    r"(?:\\x[0-9A-Fa-f]{2}){4,}"
    r"|(?:0x[0-9A-Fa-f]{2}[ ,;]{0,2}){4,}"
    r"|0x(?:[0-9A-Fa-f]{2}){6,}"
    r"|(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[ :,-][0-9A-Fa-f]{2}){5,}(?![0-9A-Za-z])"
)
_NOT_HEX = re.compile(r"\\x|0x|[^0-9A-Fa-f]")


def hex_pieces(text: str) -> list[Piece]:
    """Hexadecimal bytes: plain, spaced, with 0x or \\x before each or all."""
    return [
        Piece(match.start(), match.end(), decoded)
        for match in _HEX.finditer(text)
        if (decoded := as_text(bytes.fromhex(_NOT_HEX.sub("", match[0]))))
    ]


_BITS = re.compile(r"(?<![0-9])[01]{8}(?:[ ,]?[01]{8}){3,}(?![0-9])")


def binary_pieces(text: str) -> list[Piece]:
    """Eight binary digits a byte."""
    pieces = []
    for match in _BITS.finditer(text):
        bits = match[0].replace(" ", "").replace(",", "")
        if decoded := as_text(int(bits, 2).to_bytes(len(bits) // 8)):
            pieces.append(Piece(match.start(), match.end(), decoded))
    return pieces


_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+(?:[A-Za-z0-9_.~-]{1,3}(?:%[0-9A-Fa-f]{2})+)*")
_TWICE_QUOTED = re.compile(r"%(?:25)+[0-9A-Fa-f]{2}")


def percent_pieces(text: str) -> list[Piece]:
    """Percent encoding of a URL."""
    pieces = []
    for match in _PERCENT.finditer(text):
        decoded = unquote_to_bytes(match[0]).decode("utf-8", "replace")
        step = 3 if len(decoded) * 3 == len(match[0]) else 0
        pieces.append(Piece(match.start(), match.end(), decoded, step))
    return pieces if _TWICE_QUOTED.search(text) else _with_evidence(pieces)


_TWICE_ESCAPED = re.compile(r"&amp;(?:amp;)*(?:#[0-9xX]|[A-Za-z]{2,30};)")
_ENTITIES = re.compile(
    r"(?:&(?:#[0-9]{1,7};?|#[xX][0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};))+"
)


def html_pieces(text: str) -> list[Piece]:
    """Character references of HTML."""
    pieces = [
        Piece(match.start(), match.end(), html.unescape(match[0]))
        for match in _ENTITIES.finditer(text)
    ]
    changed = [piece for piece in pieces if piece.text != text[piece.start : piece.end]]
    return changed if _TWICE_ESCAPED.search(text) else _with_evidence(changed)


_ESCAPES = re.compile(
    r"(?:\\u[0-9A-Fa-f]{4})+|\\u\{[0-9A-Fa-f]{1,6}\}|\\U[0-9A-Fa-f]{8}"
    r"|(?:\\x[0-9A-Fa-f]{2})+|(?:\\[0-7]{3})+"
)


def _unescape(escape: str) -> str:
    if escape[1] == "x":
        return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "replace")
    if escape[1] == "u" and escape[2] != "{":
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", "replace")
    if escape[1] in "uU":
        code = int(escape[2:].strip("{}"), 16)
        return chr(code) if code < 0x110000 else "\ufffd"
    units = bytes(int(digits, 8) & 0xFF for digits in escape.split("\\")[1:])
    return units.decode("utf-8", "replace")


def escape_pieces(text: str) -> list[Piece]:
    """Escapes of JSON, C, JavaScript and Python."""
    pieces = []
    for match in _ESCAPES.finditer(text):
        decoded = _unescape(match[0])
        uniform = len(match[0]) // max(len(decoded), 1)
        step = uniform if uniform * len(decoded) == len(match[0]) else 0
        pieces.append(Piece(match.start(), match.end(), decoded, step))
    return _with_evidence(pieces)


_NEEDLESS = re.compile(r"[A-Za-z]|&(?:[A-Za-z]+|#[0-9xX]+);|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}")
_TELLING = re.compile("[ \x00-\x08\x0e-\x1f\x7f-\U0010ffff]")
"""Blanks, controls, and all that is not ASCII."""
_LEAST_ESCAPES = 3


def _with_evidence(pieces: list[Piece]) -> list[Piece]:
    """The pieces where an escape was needless (a plain letter) or many letters were escaped."""
    decoded = "".join(piece.text for piece in pieces)
    if _NEEDLESS.search(decoded):
        return pieces
    return pieces if len(_TELLING.findall(decoded)) >= _LEAST_ESCAPES else []


Decoder = Callable[[str], list[Piece]]
