"""Attestations: what they say, what breaks them, and that every difference is named."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tyrian.errors import ConfigError, InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import digest_of, files_of
from tyrian.supply.attest.keys import (
    KeyFileError,
    Signer,
    Verifier,
    make_key,
    read_signer,
    read_verifier,
)
from tyrian.supply.attest.materials import Material, dataset, evaluations_below
from tyrian.supply.attest.model_signing import (
    envelope_of,
    is_bundle,
    sign_manifest,
    verify_manifest,
)
from tyrian.supply.attest.regression import Regression
from tyrian.supply.attest.training import Record, encode_record, read_record, statement_of
from tyrian.supply.attest.verify import Checked, Expected, verify_training

CODE = "c0de" * 10
REFERENCE = os.environ.get("TYRIAN_TEST_MODEL_SIGNING", "")
"""The program model_signing, in an environment of its own; without it those tests skip."""


COMPARISON = Regression(base="old", tuned="new", changes=())


class Scene:
    """A base model, a dataset, runs of evaluations, a tuned model, and a key."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base, self.model = self.folder("base"), self.folder("tuned")
        (self.base / "w.safetensors").write_bytes(b"old")
        (self.model / "w.safetensors").write_bytes(b"new")
        (self.model / "sub").mkdir()
        (self.model / "sub" / "config.json").write_text("{}")
        self.data = root / "train.jsonl"
        self.data.write_text('{"text": "a"}\n')
        self.runs = {role: self.run(role) for role in ("base", "tuned")}
        make_key(root / "key")
        self.signer = read_signer(root / "key")
        self.verifier = read_verifier(root / "key.pub")

    def folder(self, name: str) -> Path:
        made = self.root / name
        made.mkdir(parents=True)
        return made

    def run(self, role: str) -> Path:
        at = self.folder(f"runs-{role}/mitre/model")
        (at / "manifest.json").write_text(json.dumps({"benchmark": "mitre", "model": role}))
        (at / "results.jsonl").write_text("{}\n")
        (at / "summary.json").write_text("{}")
        return self.root / f"runs-{role}"

    def record(self) -> Record:
        return Record(
            base=Material(name="base", digest=digest_of(self.base)),
            datasets=(dataset("train", self.data),),
            parameters={"learning_rate": 1e-5, "epochs": 3},
            seeds={"seed": 42},
            environment={"python": "3.13"},
            code={"commit": CODE, "is_clean": True},
            evaluations=tuple(
                one for role in self.runs for one in evaluations_below(role, self.runs[role])
            ),
            comparison=COMPARISON,
        )

    def attested(self) -> dsse.Envelope:
        return dsse.seal(statement_of(self.record(), files_of(self.model)), self.signer)

    def check(self, envelope: dsse.Envelope, **changes: Any) -> Checked:
        given = {
            "base": digest_of(self.base),
            "datasets": {"train": digest_of(self.data)},
            "code": CODE,
            "evaluations": self.runs,
            "comparison": COMPARISON,
            "is_evaluated": True,
            **changes,
        }
        return verify_training(envelope, [self.verifier], Expected(self.model, **given))

    def named(self, envelope: dsse.Envelope, **changes: Any) -> set[str]:
        return {one.subject for one in self.check(envelope, **changes).mismatches}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_an_attestation_of_what_is_here_matches(scene: Scene) -> None:
    checked = scene.check(scene.attested())
    assert (checked.mismatches, checked.uncompared) == ((), ())
    assert checked.keyid == scene.verifier.id


def test_the_same_training_gives_the_same_bytes(scene: Scene) -> None:
    first = dsse.encode(scene.attested())
    assert first == dsse.encode(scene.attested())
    assert dsse.encode(dsse.decode(first)) == first


def test_it_is_slsa_provenance_in_an_in_toto_statement(scene: Scene) -> None:
    told = json.loads(dsse.payload_of(scene.attested()))
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [one["name"] for one in told["subject"]] == ["sub/config.json", "w.safetensors"]
    assert {
        one["name"] for one in told["predicate"]["buildDefinition"]["resolvedDependencies"]
    } == {
        *("base", "train", "code"),
    }


def test_each_thing_that_changed_is_named(scene: Scene) -> None:
    envelope = scene.attested()

    def after(path: Path, told: str) -> set[str]:
        old = path.read_bytes()
        path.write_text(told)
        found = scene.named(envelope)
        path.write_bytes(old)
        return found

    assert after(scene.model / "w.safetensors", "x") == {"model", "model/w.safetensors"}
    assert after(scene.base / "w.safetensors", "x") == {"base"}
    assert after(scene.data, "x") == {"dataset train"}
    run = scene.runs["tuned"] / "mitre" / "model"
    assert after(run / "results.jsonl", "x") == {"evaluation tuned/mitre/model/results.jsonl"}
    assert scene.named(envelope, code="f" * 40) == {"code"}
    (scene.model / "evil.py").write_text("x")
    assert scene.named(envelope) == {"model", "model/evil.py"}
    (scene.model / "evil.py").unlink()
    (scene.model / "sub" / "config.json").unlink()
    assert scene.named(envelope) == {"model", "model/sub/config.json"}


def test_what_is_not_given_is_told_as_not_compared(scene: Scene) -> None:
    checked = scene.check(scene.attested(), base="", datasets={}, code="", evaluations={})
    assert checked.mismatches == ()
    assert set(checked.uncompared) == {
        *("base", "code", "dataset train"),
        *("evaluations of the base model", "evaluations of the tuned model"),
    }


def test_a_dataset_that_was_not_attested_does_not_match(scene: Scene) -> None:
    other = {"train": digest_of(scene.data), "more": "sha256:" + "0" * 64}
    assert scene.named(scene.attested(), datasets=other) == {"dataset more"}


def test_evaluations_may_be_needed(scene: Scene) -> None:
    scene.runs = {"base": scene.runs["base"]}
    assert scene.named(scene.attested()) == {"evaluations of the tuned model"}
    assert scene.named(scene.attested(), is_evaluated=False) == set()


@pytest.mark.parametrize("name", ["base", "datasets", "parameters", "seeds", "environment", "code"])
def test_a_training_that_leaves_something_out_is_not_attested(scene: Scene, name: str) -> None:
    import msgspec

    record = msgspec.structs.replace(scene.record(), **{name: getattr(Record(), name)})
    with pytest.raises(ConfigError, match=name):
        statement_of(record, files_of(scene.model))


def resigned(scene: Scene, change: Any) -> dsse.Envelope:
    """The attestation with a changed statement, signed by the right key."""
    told = json.loads(dsse.payload_of(scene.attested()))
    change(told)
    return dsse.seal(json.dumps(told).encode(), scene.signer)


def test_a_signed_statement_that_leaves_something_out_does_not_match(scene: Scene) -> None:
    def strip(told: Any) -> None:
        told["subject"] = []
        told["predicate"]["buildDefinition"] = {"buildType": "other"}
        told["predicate"]["runDetails"] = {}

    assert scene.named(resigned(scene, strip)) >= {
        *("buildType", "hyper-parameters", "seeds", "environment", "code", "base", "datasets"),
        *("model", "model/w.safetensors", "evaluations of the base model"),
    }


@pytest.mark.parametrize("value", [None, 3, "x", [], [3], {}, {"a": 3}])
@pytest.mark.parametrize(
    "place",
    [
        ("subject",),
        ("predicate",),
        ("predicate", "buildDefinition"),
        ("predicate", "buildDefinition", "externalParameters"),
        ("predicate", "buildDefinition", "externalParameters", "model", "links"),
        ("predicate", "buildDefinition", "resolvedDependencies"),
        ("predicate", "runDetails", "byproducts"),
    ],
)
def test_a_signed_statement_of_another_shape_does_not_match(
    scene: Scene, place: tuple[str, ...], value: object
) -> None:
    def change(told: Any) -> None:
        for name in place[:-1]:
            told = told[name]
        told[place[-1]] = value

    found = scene.named(resigned(scene, change))
    is_harmless = place[-1] == "links" and not (isinstance(value, dict) and value)
    assert bool(found) is not is_harmless


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"_type": "x"}', b"\xff", b"[" * 100_000])
def test_a_signed_payload_that_is_no_statement_is_refused(scene: Scene, payload: bytes) -> None:
    with pytest.raises(InputError):
        scene.check(dsse.seal(payload, scene.signer))


def test_another_key_and_a_changed_envelope_are_told_apart(scene: Scene) -> None:
    envelope = scene.attested()
    make_key(scene.root / "other")
    other = read_verifier(scene.root / "other.pub")
    with pytest.raises(dsse.EnvelopeError, match="another key"):
        dsse.open_envelope(envelope, [other])
    changed = json.loads(dsse.encode(envelope))
    changed["payloadType"] = "text/plain"
    with pytest.raises(dsse.EnvelopeError, match="does not fit"):
        dsse.open_envelope(dsse.decode(json.dumps(changed).encode()), [scene.verifier])
    # A foreign hint cannot keep a good signature from being found.
    changed = json.loads(dsse.encode(envelope))
    changed["signatures"][0]["keyid"] = "0" * 64
    assert dsse.open_envelope(dsse.decode(json.dumps(changed).encode()), [scene.verifier])


@given(st.binary(max_size=200), st.text(max_size=20), st.integers(min_value=0))
def test_every_changed_bit_of_what_was_signed_is_seen(data: bytes, kind: str, at: int) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    signer = Signer(ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    envelope = dsse.seal(data, signer, kind)
    assert dsse.open_envelope(envelope, [signer.verifier]).payload == data
    if data:
        place = at % len(data)
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        forged = dsse.Envelope(
            payload=dsse.seal(changed, signer).payload,
            payloadType=kind,
            signatures=envelope.signatures,
        )
        with pytest.raises(dsse.EnvelopeError):
            dsse.open_envelope(forged, [signer.verifier])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_envelope_give_our_error(data: bytes) -> None:
    with pytest.raises(dsse.EnvelopeError):
        dsse.payload_of(dsse.decode(data))


def test_the_length_encoding_is_that_of_the_specification() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_keys_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="exists"):
        make_key(tmp_path / "key")
    with pytest.raises(KeyFileError, match="private key"):
        read_verifier(tmp_path / "key")
    (tmp_path / "junk").write_text("junk")
    for read in (read_signer, read_verifier):
        with pytest.raises(KeyFileError):
            read(tmp_path / "junk")
        with pytest.raises(KeyFileError):
            read(tmp_path / "nothing")
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "rsa").write_bytes(pem)
    with pytest.raises(KeyFileError, match="another kind"):
        read_signer(tmp_path / "rsa")


def test_a_record_reads_back(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(encode_record(scene.record()))
    assert read_record(path) == scene.record()
    for told in ("", "[]", '{"format": 9}', '{"other": 1}'):
        path.write_text(told)
        with pytest.raises(InputError):
            read_record(path)


@pytest.fixture
def curve(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a private and a public key that model signing knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "ec.pem", tmp_path / "ec.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(Verifier(key.public_key()).pem)
    return private, public


NONE: frozenset[str] = frozenset()
SIGNATURE = frozenset({"model.sig"})


def test_a_signature_of_model_signing_reads_back_and_names_differences(
    scene: Scene, curve: tuple[Path, Path]
) -> None:
    signer, verifier = read_signer(curve[0]), read_verifier(curve[1])
    data = sign_manifest(scene.model, signer, NONE)
    assert data == sign_manifest(scene.model, signer, NONE)
    assert is_bundle(data)
    envelope = envelope_of(data, "x")

    def named() -> set[str]:
        found, _ = verify_manifest(envelope, [verifier], scene.model, NONE)
        return {one.subject for one in found}

    assert named() == set()
    (scene.model / "w.safetensors").write_bytes(b"nez")
    (scene.model / "evil.py").write_text("x")
    (scene.model / "sub" / "config.json").unlink()
    assert named() == {"model/w.safetensors", "model/evil.py", "model/sub/config.json"}
    with pytest.raises(dsse.EnvelopeError):
        verify_manifest(envelope, [scene.verifier], scene.model, NONE)


def test_model_signing_takes_no_other_key(scene: Scene) -> None:
    with pytest.raises(ConfigError, match="ECDSA"):
        sign_manifest(scene.model, scene.signer, NONE)


@pytest.mark.skipif(not REFERENCE, reason="TYRIAN_TEST_MODEL_SIGNING names no model_signing")
def test_the_reference_tool_and_we_verify_each_others_signatures(
    scene: Scene, curve: tuple[Path, Path]
) -> None:
    private, public = curve
    signature = scene.model / "model.sig"

    def reference(*arguments: str | Path) -> int:
        command = [REFERENCE, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    signature.write_bytes(sign_manifest(scene.model, read_signer(private), SIGNATURE))
    check = ("verify", "key", scene.model, "--signature", signature, "--public_key", public)
    assert reference(*check) == 0
    (scene.model / "w.safetensors").write_bytes(b"x")
    assert reference(*check) != 0
    signature.unlink()
    made = ("sign", "key", scene.model, "--signature", signature, "--private_key", private)
    assert reference(*made) == 0
    envelope = envelope_of(signature.read_bytes(), "x")
    assert verify_manifest(envelope, [read_verifier(public)], scene.model, SIGNATURE) == ([], [])
    (scene.model / "w.safetensors").write_bytes(b"y")
    (found,), _ = verify_manifest(envelope, [read_verifier(public)], scene.model, SIGNATURE)
    assert found.subject == "model/w.safetensors"
