"""No bytes whatever make a scan raise: broken files end in a report."""

import io
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus.supply import benign, malicious

from tyrian.supply.scan.finding import Outcome
from tyrian.supply.scan.scanner import scan_file

SMALL = [
    (name, data)
    for entries in (malicious.all_entries(), benign.all_entries())
    for _, name, data in entries
    if 0 < len(data) < 5000
]
WRITTEN = [
    path
    for path in (Path(malicious.__file__).parent / "written").rglob("*")
    if path.is_file() and path.name != "index.json" and path.stat().st_size < 40_000
]


@given(st.sampled_from(sorted(WRITTEN)), st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_model_of_a_library_with_bytes_changed_has_a_report(
    tmp_path: Path, path: Path, data: st.DataObject
) -> None:
    made = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(made)))
        made[at : at + data.draw(st.integers(0, 9))] = data.draw(
            st.binary(max_size=9) | st.just(b"\xff" * 8)
        )
    target = tmp_path / path.name
    target.write_bytes(made)
    report = scan_file(target)
    assert not [one for one in report.findings if "the scan itself failed" in one.why]


def test_an_attribute_of_hdf5_without_a_type_is_malformed(tmp_path: Path) -> None:
    data = (Path(malicious.__file__).parent / "written/good/h5/block.h5").read_bytes()
    at = data.index(b"a\0\0\0\0\0\0\0", 1024) - 6  # the sizes of name, type and space
    path = tmp_path / "a.h5"
    path.write_bytes(data[: at + 2] + b"\0\0" + data[at + 4 :])
    assert {one.rule for one in scan_file(path).findings} == {"hdf5-malformed"}


@given(st.sampled_from(SMALL), st.data())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_bytes_changed_added_or_gone_has_a_report(
    tmp_path: Path, entry: tuple[str, bytes], data: st.DataObject
) -> None:
    name, content = entry
    made = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(made)))
        gone = data.draw(st.integers(0, 9))
        made[at : at + gone] = data.draw(st.binary(max_size=9) | st.just(b"\xff" * 8))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(made)
    report = scan_file(path)
    assert (report.outcome is Outcome.CLEAN) == (report.findings == ())
    assert not [one for one in report.findings if "the scan itself failed" in one.why]


def test_a_large_field_of_an_archive_that_is_cut_short_is_read_as_far_as_it_goes(
    tmp_path: Path,
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.extra = b"\x01\x00\x10\x00" + b"\xff" * 9
        archive.writestr(info, "text")
    path = tmp_path / "a.zip"
    path.write_bytes(made.getvalue())
    assert scan_file(path).outcome is Outcome.CLEAN
