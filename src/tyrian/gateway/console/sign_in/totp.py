"""Codes of authenticator apps (RFC 6238), each good once."""

import base64
import hmac
import os
import struct
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
MAX_ACCOUNT: Final = 120
"""Characters of an account's name that the picture holds."""

_DRIFT: Final = 1
"""Steps that a phone's clock may be off."""


def new_secret() -> bytes:
    """A secret to share with an app."""
    return os.urandom(SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step."""
    mac = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    start = mac[-1] & 15
    number = struct.unpack(">I", mac[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(
    secret: bytes, code: str, after: int, clock: Callable[[], float] = time.time
) -> int | None:
    """The step that a code belongs to, later than `after`; None for a wrong or used code."""
    given = "".join(code.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    now = int(clock()) // STEP_S
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if step > after and hmac.compare_digest(code_at(secret, step), given):
            return step
    return None


def readable(secret: bytes) -> str:
    """The secret for people who type it."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def address(secret: bytes, account: str) -> str:
    """What the picture holds."""
    plain = base64.b32encode(secret).decode().rstrip("=")
    # No code holds a name without end, and apps show the beginning.
    name = quote(account[:MAX_ACCOUNT], safe="")
    return f"otpauth://totp/Tyrian:{name}?secret={plain}&issuer=Tyrian"


def picture(secret: bytes, account: str) -> tuple[int, str]:
    """The QR code as the side of a square and the path of an SVG of that size."""
    import segno  # only whoever sets an app up needs it

    rows = segno.make(address(secret, account), error="m", micro=False).matrix
    dots = (
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dot in enumerate(row) if dot & 1
    )
    return len(rows), "".join(dots)
