"""Weights as Flax keeps them, in MessagePack."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from tyrian.supply.scan.finding import Outcome, ScanReport
from tyrian.supply.scan.scanner import scan_file

msgpack = pytest.importorskip("msgpack")


def _array(size: int = 24) -> Any:
    """As `flax.serialization.msgpack_serialize` writes an array."""
    return msgpack.ExtType(1, msgpack.packb(((size // 4,), "float32", bytes(size))))


def _scan(folder: Path, data: bytes) -> ScanReport:
    path = folder / "flax_model.msgpack"
    path.write_bytes(data)
    return scan_file(path)


@pytest.mark.parametrize(
    "value",
    [
        {"params": {"dense": {"kernel": _array(), "bias": _array(400_000)}}},
        {"step": 3, "rate": 1e-5, "done": False, "none": None, "far": -(1 << 40), "b": b"\x00" * 9},
        {"complex": msgpack.ExtType(2, msgpack.packb((1.0, 2.0)))},
        {"many": [{"n": n, "t": "w" * n} for n in range(300)]},
    ],
)
def test_what_flax_writes_is_clean(tmp_path: Path, value: Any) -> None:
    report = _scan(tmp_path, msgpack.packb(value))
    assert (report.kind, report.outcome, report.findings) == ("msgpack", Outcome.CLEAN, ())


def test_a_pickle_within_bytes_is_found(tmp_path: Path) -> None:
    payload = pickle.dumps(print)[:-1] + b"."
    evil = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."
    assert _scan(tmp_path, msgpack.packb({"nd": True, "data": payload})).outcome is Outcome.CLEAN
    report = _scan(tmp_path, msgpack.packb({"nd": True, "kind": "O", "data": evil}))
    assert {one.rule for one in report.findings} == {"pickle-dangerous-global"}
    nested = msgpack.ExtType(1, msgpack.packb(((1,), "object", evil)))
    report = _scan(tmp_path, msgpack.packb({"a": nested}))
    assert {one.rule for one in report.findings} == {"pickle-dangerous-global"}


def test_an_unknown_extension_is_not_examined(tmp_path: Path) -> None:
    report = _scan(tmp_path, msgpack.packb({"a": msgpack.ExtType(42, b"abc")}))
    assert report.outcome is Outcome.NOT_EXAMINED


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (msgpack.packb({"a": 1}) + b"\x00\x00", "after its value"),
        (msgpack.packb({"a": "text"})[:-1], "ends before"),
        (b"\x82\xa1a", "breaks off"),
        (b"\x81\xa1a\xc1", "where a value begins"),
        (b"\x91" * 600 + b"\x01", "nests deeper"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff\x00", "tells of 4294967295 bytes"),
        (b"\xdf\xff\xff\xff\xff\x01", "breaks off"),
    ],
)
def test_what_is_broken_is_told(tmp_path: Path, data: bytes, why: str) -> None:
    report = _scan(tmp_path, data)
    assert [one.rule for one in report.findings] == ["msgpack-malformed"]
    assert why in report.findings[0].why
