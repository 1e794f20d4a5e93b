"""Seals what must be read again (second factors) with a key that is not in the database.

The cipher is loaded when the first thing is sealed: it takes long, and a start must not.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Final

from tyrian.errors import ConfigError, StoreError

KEY_NAME: Final = "console.key"
KEY_VARIABLE: Final = "TYRIAN_CONSOLE_KEY"
"""32 bytes in base64, for gateways on several machines; it goes before the file."""

_NONCE_BYTES = 12


class Seal:
    """AES-256-GCM; what is sealed for one purpose opens for no other."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def at(cls, home: Path | None) -> "Seal":
        """The seal of this gateway; its key is made where there is none yet."""
        given = os.environ.get(KEY_VARIABLE, "")
        if given:
            return cls(_decoded(given))
        if home is None:
            return cls(os.urandom(32))
        path = home / KEY_NAME
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(_read(path))
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        with os.fdopen(descriptor, "wb") as file:
            key = os.urandom(32)
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def close(self, plain: bytes, purpose: str) -> bytes:
        """Seal; `purpose` is bound to it and must be told again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Open; StoreError where it was sealed by another key, or for something else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode()
            )
        except (InvalidTag, ValueError):
            raise StoreError(
                "a second factor cannot be opened with this gateway's console.key",
                hint="bring the file back that stood beside the database",
            ) from None


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ConfigError(
            f"{KEY_VARIABLE} is not 32 bytes in base64", hint="make one: openssl rand -base64 32"
        )
    return key


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if len(key) != 32:
        raise StoreError(f"{path} is damaged", hint="bring it back from a backup")
    return key
