"""Names that people give: short, and honest to the eye."""

import re
from typing import Final

from tyrian.errors import ConfigError

MAX_NAME_LENGTH: Final = 200
MAX_EMAIL_LENGTH: Final = 254
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@[^\s@\"(),:;<>\[\\\]]+\.[^\s@.]+")


def checked_name(name: str, what: str = "a key's name") -> str:
    """The name without space around it; ConfigError where it is empty, long or deceptive."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > MAX_NAME_LENGTH or not cleaned.isprintable():
        raise ConfigError(
            f"{what} has 1 to {MAX_NAME_LENGTH} printable characters",
            hint="choose another name",
        )
    return cleaned


def checked_email(email: str) -> str:
    """The address in lower case; ConfigError where it is none."""
    cleaned = email.strip().lower()
    is_fit = len(cleaned) <= MAX_EMAIL_LENGTH and cleaned.isprintable()
    if not is_fit or _EMAIL.fullmatch(cleaned) is None:
        raise ConfigError("this is no e-mail address", hint="write it as name@example.com")
    return cleaned
