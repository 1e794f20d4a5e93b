"""OpenSSF model signing: read and write its signatures, and compare a directory with them.

A signature is a Sigstore bundle around a DSSE envelope around an in-toto statement whose predicate
lists every file. The reference tool takes ECDSA keys on the curves of NIST.
Source: https://github.com/sigstore/model-transparency (version 1.1, predicate v1.0)
"""

import binascii
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from tyrian.errors import ConfigError, InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import files_of
from tyrian.supply.attest.statement import STATEMENT, Mismatch, at, parse_statement
from tyrian.supply.lock.digest import SMALL
from tyrian.supply.lock.walk import is_inside, walk
from tyrian.supply.lock.write import as_canonical

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Signer, Verifier

PREDICATE = "https://model_signing/signature/v1.0"
SIGNATURE_NAME = "model.sig"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_GIT = (".git", ".gitattributes", ".github", ".gitignore")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_LARGEST_SHARD = 1 << 50


def sign_manifest(directory: Path, signer: "Signer", left_out: frozenset[str]) -> bytes:
    """The signature of a directory's files, as the reference tool reads it.

    Links are refused, as it refuses them by default. ConfigError for keys that it does not know.
    """
    if signer.curve not in _CURVES:
        raise ConfigError(
            "OpenSSF model signing knows ECDSA keys alone, on the curves P-256, P-384 and P-521",
            hint="openssl ecparam -genkey -name prime256v1 -noout -out key.pem",
        )
    files = files_of(directory, left_out)
    if links := [file.path for file in files if file.link]:
        raise InputError(
            f"{directory} has links, which a model's signature does not cover: {links[0]}",
            hint="put files in their places",
        )
    resources = [
        {"name": file.path, "algorithm": "sha256", "digest": file.sha256}
        for file in sorted(files, key=lambda file: PurePosixPath(file.path).parts)
        if PurePosixPath(file.path).parts[0] not in _GIT
    ]
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": directory.resolve().name, "digest": {"sha256": _root(resources)}},
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": sorted({*left_out, *_GIT}),
            },
            "resources": resources,
        },
    }
    envelope = dsse.seal(as_canonical(statement), signer)
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": hashlib.sha256(signer.verifier.pem).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": envelope.payload,
            "payloadType": envelope.payloadType,
            "signatures": [{"sig": envelope.signatures[0].sig}],
        },
    }
    return as_canonical(bundle) + b"\n"


def _root(resources: Sequence[dict[str, str]]) -> str:
    """SHA-256 over the digests in their order."""
    return hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()


def is_bundle(data: bytes) -> bool:
    """Whether bytes are a Sigstore bundle, not a bare envelope."""
    try:
        told = dsse.parsed(data)
    except ValueError:
        return False
    return isinstance(told, dict) and "dsseEnvelope" in told


def envelope_of(data: bytes, place: str) -> dsse.Envelope:
    """The envelope of a bundle that was signed with a key; InputError for other bundles."""
    try:
        told = dsse.parsed(data)
        inner = dsse.envelope_of(at(told, "dsseEnvelope"))
    except ValueError as error:
        raise dsse.EnvelopeError(f"{place} is no bundle of a signature: {error}") from None
    if at(told, "verificationMaterial", "publicKey") is None:
        raise InputError(
            f"{place} was signed by an identity (a certificate), not by a key",
            hint="Tyrian checks signatures of keys; Sigstore's own client, or model_signing verify"
            " sigstore, checks those of identities",
        )
    return inner


class Resource(NamedTuple):
    """A file, or a part of one, as a signature lists it."""

    path: str
    start: int
    end: int
    """Up to here, without; -1 for the end of the file."""
    algorithm: str
    digest: str


def verify_manifest(
    envelope: dsse.Envelope,
    verifiers: "Sequence[Verifier]",
    directory: Path,
    left_out: frozenset[str],
) -> tuple[list[Mismatch], list[str]]:
    """What differs from a signature, and which files it tells to leave out.

    Raises EnvelopeError where the signature does not fit, InputError where it is of another form.
    """
    statement = parse_statement(dsse.open_envelope(envelope, verifiers))
    if statement.get("predicateType") != PREDICATE:
        raise InputError(f"the statement is no signature of a model: {statement['predicateType']}")
    resources = list(_resources(statement))
    ignored = {
        str(one) for one in at(statement, "predicate", "serialization", "ignore_paths") or []
    }
    walked = walk(directory, left_out)
    found = [Mismatch(f"model/{one.path}", "", f"{one.kind}: {one.why}") for one in walked.faults]
    here = {file.path: file for file in walked.files}
    for path, parts in _by_path(resources).items():
        if path not in here:
            found.append(Mismatch(f"model/{path}", parts[0].digest, ""))
        else:
            found += _compare(here[path].place, parts)
    named = {one.path for one in resources}
    uncovered = []
    for path in sorted(set(here) - named):
        if any(path == one or path.startswith(one + "/") for one in ignored):
            uncovered.append(path)
        else:
            found.append(Mismatch(f"model/{path}", "", "a file that was not signed"))
    return found, uncovered


def _resources(statement: dict[str, Any]) -> Iterator[Resource]:
    """The files that were signed; InputError where they do not fit their own root digest."""
    rows = at(statement, "predicate", "resources")
    is_sharded = at(statement, "predicate", "serialization", "method") == "shards"
    try:
        made = [_resource(row, is_sharded) for row in rows]
        root = hashlib.sha256(b"".join(bytes.fromhex(one.digest) for one in made)).hexdigest()
        (subject,) = statement["subject"]
        said = subject["digest"]["sha256"]
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise InputError(f"the signature's list of files cannot be read: {error}") from None
    if said != root or not made:
        raise InputError("the signature's list of files does not fit its own digest")
    yield from made


def _resource(row: dict[str, Any], is_sharded: bool) -> Resource:
    name, start, end = str(row["name"]), 0, -1
    if is_sharded:
        name, first, last = name.rsplit(":", 2)
        start, end = int(first), int(last)
        if not 0 <= start <= end <= _LARGEST_SHARD:
            raise ValueError("a part that lies nowhere")
    if not is_inside(name):
        raise ValueError(f"a file outside of the model: {name[:80]!a}")
    if row["algorithm"].lower() not in _ALGORITHMS:
        raise ValueError(f"the digest {row['algorithm']!r}, which cannot be made here")
    return Resource(name, start, end, row["algorithm"].lower(), str(row["digest"]))


_ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "blake2b": hashlib.blake2b,
}


def _by_path(resources: Sequence[Resource]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for one in resources:
        found.setdefault(one.path, []).append(one)
    return found


def _compare(place: str, parts: Sequence[Resource]) -> Iterator[Mismatch]:
    """Parts that differ; together they must cover the file."""
    path = f"model/{parts[0].path}"
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        yield Mismatch(path, parts[0].digest, f"not read: {error.strerror}")
        return
    try:
        size, covered = os.fstat(fd).st_size, 0
        for part in sorted(parts, key=lambda part: part.start):
            end = size if part.end < 0 else part.end
            digest = _digest(fd, part.start, end, part.algorithm)
            if digest != part.digest:
                yield Mismatch(path, part.digest, digest)
            if part.start != covered:
                yield Mismatch(path, f"a part from byte {covered}", f"one from {part.start}")
            covered = end
        if covered != size:
            yield Mismatch(path, f"{covered:,} bytes", f"{size:,} bytes")
    except OSError as error:
        yield Mismatch(path, parts[0].digest, f"not read: {error.strerror}")
    finally:
        os.close(fd)


def _digest(fd: int, start: int, end: int, algorithm: str) -> str:
    digest, view = _ALGORITHMS[algorithm](), memoryview(bytearray(min(SMALL, 1 << 20)))
    while start < end:
        count = os.preadv(fd, [view[: min(end - start, len(view))]], start)
        if not count:
            break
        digest.update(view[:count])
        start += count
    return str(digest.hexdigest())
