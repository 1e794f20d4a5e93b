"""Signing and verifying a large file, beside hashing it and beside OpenSSF's model_signing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public

from _peers import MODEL_SIGNING, PeerUnavailableError, ensure

Command = tuple[str, list[str]]


def commands(folder: Path, *, with_peers: bool) -> Iterator[Command]:
    """Name and command of each signer, which signs the files of `folder`, then verifies them."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder.with_name("signer.pem"), folder.with_name("signer.pub")
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, Public.SubjectPublicKeyInfo))
    own, other = folder.with_name("own.sig"), folder.with_name("other.sig")
    tyrian = [str(Path(sys.executable).with_name("tyrian")), "attest"]
    yield "tyrian sign", [*tyrian, "sign", str(folder), "--key", str(private), "-o", str(own)]
    yield (
        "tyrian verify",
        [
            *(*tyrian, "verify", str(folder), "--key", str(public), "--attestation", str(own)),
        ],
    )
    if not with_peers:
        return
    try:
        program = str(ensure(MODEL_SIGNING).with_name("model_signing"))
    except PeerUnavailableError as error:
        print(f"left out: {error}", file=sys.stderr)
        return
    yield (
        "model_signing sign",
        [
            *(program, "sign", "key", str(folder), "--signature", str(other)),
            *("--private_key", str(private)),
        ],
    )
    yield (
        "model_signing verify",
        [
            *(program, "verify", "key", str(folder), "--signature", str(other)),
            *("--public_key", str(public)),
        ],
    )


def is_alike(folder: Path) -> bool:
    """Whether signing the same files twice gives the same bytes (of an Ed25519 attestation)."""
    tyrian = str(Path(sys.executable).with_name("tyrian"))
    key, found = folder.with_name("twice.key"), []
    subprocess.run([tyrian, "attest", "key", str(key)], check=True, capture_output=True)
    for number in range(2):
        made = folder.with_name(f"twice-{number}.json")
        words = [
            *("attest", "create", str(folder), "--key", str(key), "--base", str(folder)),
            *("--dataset", str(key), "--seed", "1", "--code", "0" * 40, "-o", str(made)),
            *("--parameters", str(_parameters(folder))),
        ]
        subprocess.run([tyrian, *words], check=True, capture_output=True)
        found.append(made.read_bytes())
    return found[0] == found[1]


def _parameters(folder: Path) -> Path:
    path = folder.with_name("parameters.yaml")
    path.write_text("learning_rate: 1.0e-5\n")
    return path
