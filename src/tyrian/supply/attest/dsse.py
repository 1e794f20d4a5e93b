"""DSSE envelopes: a payload, its type, and signatures over both.

Source: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
"""

import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tyrian.errors import InputError

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Signer, Verifier

IN_TOTO = "application/vnd.in-toto+json"
MOST_BYTES = 1 << 28


class EnvelopeError(InputError):
    """Bytes that are no envelope, or one that nobody signed."""


class Signature(NamedTuple):
    """One signature, in base64, and a hint whose it is."""

    sig: str
    keyid: str = ""


class Envelope(NamedTuple):
    """A signed payload, in base64."""

    payload: str
    payloadType: str  # noqa: N815  the name in the format
    signatures: tuple[Signature, ...]


class Opened(NamedTuple):
    """An envelope whose signature is whole."""

    payload: bytes
    payload_type: str
    keyid: str


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: type and payload with their lengths before them."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: "Signer", payload_type: str = IN_TOTO) -> Envelope:
    """An envelope with one signature."""
    made = signer.sign(pae(payload_type, payload))
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        payloadType=payload_type,
        signatures=(Signature(keyid=signer.verifier.id, sig=base64.b64encode(made).decode()),),
    )


def encode(envelope: Envelope) -> bytes:
    """The bytes of a file; the same for the same envelope."""
    told = {
        "payload": envelope.payload,
        "payloadType": envelope.payloadType,
        "signatures": [{"keyid": one.keyid, "sig": one.sig} for one in envelope.signatures],
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def decode(data: bytes, place: str = "the envelope") -> Envelope:
    """An envelope from its bytes; EnvelopeError where they are none."""
    try:
        envelope = envelope_of(parsed(data))
    except ValueError as error:
        raise EnvelopeError(f"{place} is no DSSE envelope: {error}") from None
    if not envelope.signatures:
        raise EnvelopeError(f"{place} has no signature")
    return envelope


def parsed(data: bytes) -> object:
    """A JSON text in UTF-8; ValueError says why it is none."""
    try:
        return json.loads(data.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def envelope_of(told: object) -> Envelope:
    """An envelope from its JSON object; ValueError says what is not as it must be."""
    row = _object(told, "it")
    signatures = row.get("signatures")
    if not isinstance(signatures, list):
        raise ValueError("its signatures are no list")
    return Envelope(
        payload=_text(row, "payload"),
        payloadType=_text(row, "payloadType"),
        signatures=tuple(
            Signature(sig=_text(one, "sig"), keyid=_text({"keyid": "", **one}, "keyid"))
            for one in (_object(each, "a signature") for each in signatures)
        ),
    )


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no object")
    return value


def _text(row: dict[str, object], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise ValueError(f"it has no text {key!r}")
    value.encode()  # lone surrogates are no text
    return value


def payload_of(envelope: Envelope) -> bytes:
    """The payload, believed or not."""
    return _decoded(envelope.payload)


def open_envelope(envelope: Envelope, verifiers: "Sequence[Verifier]") -> Opened:
    """The payload, where one of these keys signed it; EnvelopeError where none did.

    The hint whose key it is decides nothing: every signature is tried with every key.
    """
    payload = payload_of(envelope)
    data = pae(envelope.payloadType, payload)
    for signature in envelope.signatures:
        made = _decoded(signature.sig)
        for verifier in verifiers:
            if verifier.is_signed(made, data):
                return Opened(payload, envelope.payloadType, verifier.id)
    known = {verifier.id for verifier in verifiers}
    named = [one.keyid for one in envelope.signatures if one.keyid]
    if named and not known & set(named):
        raise EnvelopeError(
            f"it was signed by another key: {', '.join(one[:16] for one in named)}, and you trust "
            f"{', '.join(one[:16] for one in sorted(known))}"
        )
    raise EnvelopeError("its signature does not fit: it was changed after it was signed")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    try:  # the format allows both alphabets
        return base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("it holds what is no base64") from None


def read_bytes(path: Path) -> bytes:
    """A file of at most 256 MiB; EnvelopeError where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise EnvelopeError(f"{path}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise EnvelopeError(f"{path} is larger than {MOST_BYTES >> 20} MiB")
    return data
