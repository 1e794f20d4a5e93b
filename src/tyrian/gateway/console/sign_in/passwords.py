"""Passwords: Argon2id, a few at a time, and never on the event loop."""

import asyncio
from typing import Final

from tyrian.errors import InputError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
_AT_ONCE: Final = 2
"""Each takes 64 MiB and a good part of a second: many at once would starve everything else."""

_COMMON = ("password", "passwort", "123456", "qwerty", "letmein", "welcome", "iloveyou", "tyrian")


class Passwords:
    """Hashes and checks, with the library's parameters (RFC 9106, low-memory profile)."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._of_nobody = ""

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._turns:
            return await asyncio.to_thread(_hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; takes as long where nobody has one."""
        if len(password) > MAX_LENGTH:
            return False
        if stored is None:
            if not self._of_nobody:
                self._of_nobody = await self.hash("nobody's")
            await self._verify(self._of_nobody, password)
            return False
        return await self._verify(stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return _is_outdated(stored)

    async def _verify(self, stored: str, password: str) -> bool:
        async with self._turns:
            return await asyncio.to_thread(_fits, stored, password)


# The library is loaded when the first password comes: a start must not wait for it.


def _hash(password: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def _fits(stored: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _is_outdated(stored: str) -> bool:
    from argon2 import PasswordHasher

    return PasswordHasher().check_needs_rehash(stored)


def check_strength(password: str, *known: str) -> None:
    """InputError for a password that is easy to guess; length is what counts."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InputError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    lowered = password.lower()
    rest = lowered
    for word in (*_COMMON, *(part for text in known for part in text.lower().split("@"))):
        if len(word) > 2:
            rest = rest.replace(word, "")
    if len(set(lowered)) < 5 or len(rest) < MIN_LENGTH // 2:
        raise InputError(
            "this password is easy to guess", hint="use a few words that do not go together"
        )
