"""The signature of a lock, beside it: an in-toto statement on its digest in a DSSE envelope."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.supply.attest import dsse
from tyrian.supply.attest.statement import STATEMENT
from tyrian.supply.lock.fault import Fault, FaultKind
from tyrian.supply.lock.write import as_canonical, write_whole

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Signer, Verifier

PREDICATE = "urn:tyrian:models-lock:v1"


def signature_path(lock: Path) -> Path:
    """Where the signature of a lock lies."""
    return lock.with_name(lock.name + ".sig")


def own_files(directory: Path, lock_path: Path) -> frozenset[str]:
    """The lock and its signature, where they lie within the directory that they are of."""
    root, found = directory.resolve(), []
    for path in (lock_path, signature_path(lock_path)):
        place = path.resolve().parent / path.name
        if place.is_relative_to(root):
            found.append(place.relative_to(root).as_posix())
    return frozenset(found)


def sign_lock(path: Path, data: bytes, signer: "Signer") -> None:
    """Write the signature of a lock's bytes beside it."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": "models.lock", "digest": {"sha256": _sha256(data)}}],
        "predicateType": PREDICATE,
        "predicate": {},
    }
    write_whole(signature_path(path), dsse.encode(dsse.seal(as_canonical(statement), signer)))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_signature(path: Path, data: bytes, verifiers: "Sequence[Verifier]") -> list[Fault]:
    """What is wrong with the signature of a lock's bytes, for who trusts these keys."""
    at = signature_path(path)

    def fault(why: str) -> list[Fault]:
        return [Fault(FaultKind.SIGNATURE, path.name, why)]

    if not at.exists():
        return fault(f"it is not signed: there is no {at.name}")
    try:
        opened = dsse.open_envelope(dsse.decode(dsse.read_bytes(at), at.name), verifiers)
        statement = json.loads(opened.payload)
        subject = statement["subject"]
        is_own = statement["predicateType"] == PREDICATE and opened.payload_type == dsse.IN_TOTO
        digests = [one["digest"]["sha256"] for one in subject]
    except dsse.EnvelopeError as error:
        return fault(error.message)
    except (ValueError, KeyError, TypeError):
        return fault(f"{at.name} is signed, and is no statement on a lock")
    if not is_own or digests != [_sha256(data)]:
        return fault(f"{at.name} signs another file than this lock")
    return []
