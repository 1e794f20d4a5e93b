"""Directories: links, odd files, odd names, and files of any size."""

import contextlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.supply.opcodes import reduced

from tyrian.supply.scan.finding import Outcome, ScanReport
from tyrian.supply.scan.walk import scan_paths

GOOD = pickle.dumps({"a": 1})


def scanned(*paths: Path) -> dict[str, ScanReport]:
    """The reports by the last part of the name."""
    return {os.path.basename(report.path): report for report in scan_paths(paths)}


def rules(report: ScanReport) -> set[str]:
    """The rules of all findings."""
    return {one.rule for one in report.findings}


def test_every_file_of_a_tree_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    for name in ("a.pkl", "sub/b.pkl", "sub/.hidden/c.pkl"):
        (tmp_path / name).write_bytes(GOOD)
    (tmp_path / "sub/.hidden/evil").write_bytes(reduced("os", "system"))
    found = scanned(tmp_path)
    assert {name: report.outcome for name, report in found.items()} == {
        "a.pkl": Outcome.CLEAN,
        "b.pkl": Outcome.CLEAN,
        "c.pkl": Outcome.CLEAN,
        "evil": Outcome.FOUND,
    }


def test_a_link_that_leaves_the_directory_is_found_and_not_followed(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "outside.pkl").write_bytes(GOOD)
    (model / "link.pkl").symlink_to(tmp_path / "outside.pkl")
    (model / "dir").symlink_to(tmp_path)
    (model / "inside.pkl").write_bytes(GOOD)
    (model / "fine.pkl").symlink_to("inside.pkl")
    found = scanned(model)
    assert rules(found["link.pkl"]) == {"link-leaves-directory"}
    assert rules(found["dir"]) == {"link-leaves-directory"}
    assert found["inside.pkl"].outcome is Outcome.CLEAN


def test_a_circle_of_links_and_a_link_to_nothing_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "up").symlink_to(".")
    found = scanned(tmp_path)
    for name in ("a", "b", "gone"):
        assert rules(found[name]) == {"file-unreadable"}
        assert found[name].outcome is Outcome.NOT_EXAMINED


def test_a_pipe_is_told_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pkl")
    assert rules(scanned(tmp_path)["pipe.pkl"]) == {"not-examined"}


def test_control_characters_in_a_name_are_found(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2Jb.pkl").write_bytes(GOOD)
    (tmp_path / "model\u202elkp.txt").write_bytes(b"text")
    (tmp_path / os.fsdecode(b"bad\xff.txt")).write_bytes(b"text")
    assert all("control-characters-in-name" in rules(one) for one in scanned(tmp_path).values())


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(GOOD)
    path.chmod(0)
    with contextlib.chdir(tmp_path):  # whose parents are root's alone where root runs the tests
        tmp_path.chmod(0o755)
        with as_nobody():
            found = scanned(Path())
    assert found["a.pkl"].outcome is Outcome.NOT_EXAMINED


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """As a user who may not read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_sparse_file_of_100_gb_is_told_of_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with path.open("wb") as file:
        file.write(b"\x80\x04\x8e" + (99 << 30).to_bytes(8, "little"))
        file.truncate(100 << 30)
    empty = tmp_path / "zeros"
    with empty.open("wb") as file:
        file.truncate(100 << 30)
    found = scanned(tmp_path)
    assert found["a.bin"].outcome is Outcome.FOUND
    assert found["zeros"].outcome is not Outcome.CLEAN


def test_a_file_that_is_named_twice_is_scanned_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(GOOD)
    assert [report.outcome for report in scan_paths([path, tmp_path])] == [Outcome.CLEAN]


def test_a_file_that_changes_while_it_is_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# A model\n")

    def changing(_: str) -> list[tuple[int, str, str]]:
        path.write_text("# Another model\n")
        return []

    (report,) = scan_paths([path], changing)
    assert rules(report) == {"changed-while-read"}


def test_what_a_judge_of_texts_says_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("\u00fc\nsecond\n")
    (report,) = scan_paths([path], lambda _: [(2, "text-secret", "a word")])
    (found,) = report.findings
    assert (found.offset, found.why) == (3, "line 2: a word")
