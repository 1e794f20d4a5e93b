"""Keys that sign and verify: Ed25519 for Tyrian's own, ECDSA for OpenSSF model signing too."""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tyrian.errors import ConfigError

_DIGESTS: dict[int, type[hashes.HashAlgorithm]] = {
    256: hashes.SHA256,
    384: hashes.SHA384,
    521: hashes.SHA512,
}
_MOST_BYTES = 1 << 16


class KeyFileError(ConfigError):
    """A key that cannot be read or used."""


class Verifier:
    """A public key."""

    __slots__ = ("key",)

    def __init__(self, key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> None:
        self.key = key

    @property
    def id(self) -> str:
        """SHA-256 of the key (SubjectPublicKeyInfo in DER), hexadecimal."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        der = self.key.public_bytes(serialization.Encoding.DER, form)
        return hashlib.sha256(der).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as it is written to a file."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_bytes(serialization.Encoding.PEM, form)

    def is_signed(self, signature: bytes, data: bytes) -> bool:
        """Whether the private half of this key signed these bytes."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, data)
            else:
                digest = _DIGESTS.get(self.key.key_size, hashes.SHA256)()
                self.key.verify(signature, data, ec.ECDSA(digest))
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key."""

    __slots__ = ("key",)

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self.key = key

    @property
    def curve(self) -> str:
        """The curve of an ECDSA key, such as `secp256r1`; empty for Ed25519."""
        return self.key.curve.name if isinstance(self.key, ec.EllipticCurvePrivateKey) else ""

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """A signature; by one key of one message always the same bytes."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        digest = _DIGESTS.get(self.key.key_size, hashes.SHA256)()
        return self.key.sign(data, ec.ECDSA(digest, deterministic_signing=True))


def make_key(path: Path) -> Verifier:
    """Write a new Ed25519 key to `path` (for its owner alone) and its public half beside it."""
    key = ed25519.Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    verifier = Verifier(key.public_key())
    _write(path, pem, 0o600)
    _write(path.with_name(path.name + ".pub"), verifier.pem, 0o644)
    return verifier


def _write(path: Path, data: bytes, mode: int) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise KeyFileError(
            f"{path}: {error.strerror}", hint="name a file that is not there"
        ) from None
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def read_signer(path: Path) -> Signer:
    """A private key in PEM; KeyFileError where it is none of those that sign here."""
    data = _read(path)
    try:
        key = serialization.load_pem_private_key(data, password=_password())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path} is no private key that can be read: {_line(error)}",
            hint="PEM of Ed25519 or ECDSA; TYRIAN_KEY_PASSWORD opens one that is encrypted",
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        return Signer(key)
    raise KeyFileError(f"{path} is a key of another kind", hint=_KINDS)


def read_verifier(path: Path) -> Verifier:
    """A public key in PEM; KeyFileError where it is none of those that sign here."""
    data = _read(path)
    if b"PRIVATE KEY" in data:
        raise KeyFileError(
            f"{path} is a private key", hint="verify with the public one, which lies in a .pub file"
        )
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is no public key: {_line(error)}", hint=_KINDS) from None
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        return Verifier(key)
    raise KeyFileError(f"{path} is a key of another kind", hint=_KINDS)


_KINDS = "Ed25519 or ECDSA in PEM; make one: tyrian attest key FILE"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint=_KINDS) from None


def _password() -> bytes | None:
    password = os.environ.get("TYRIAN_KEY_PASSWORD", "")
    return password.encode() or None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
