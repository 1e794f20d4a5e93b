"""The cases of a log in order, found again without holding them."""

from pathlib import Path

import pytest

from tyrian.errors import InputError
from tyrian.evals.run.index import LogIndex
from tyrian.evals.run.log import Record, RunLog


def written(path: Path, *cases: tuple[str, int, str]) -> Path:
    with RunLog(path) as log:
        for case, nth, digest in cases:
            log.append(Record(id=case, nth=nth, digest=digest))
    return path


def keys(index: LogIndex) -> list[tuple[str, int, str]]:
    return [(one.id, one.nth, one.digest) for one in index.ordered()]


def test_cases_come_by_id_and_pass_and_the_last_one_stands(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log", ("b", 1, "x"), ("a", 0, "x"), ("b", 0, "x"), ("ä", 0, "x"), ("a", 0, "y")
    )
    with LogIndex(path) as index:
        assert keys(index) == [("a", 0, "y"), ("b", 0, "x"), ("b", 1, "x"), ("ä", 0, "x")]
        assert len(index) == 4
        assert index.digest("a", 0) == "y"
        assert index.digest("a", 1) == ""


def test_later_logs_win_over_earlier_ones(tmp_path: Path) -> None:
    first = written(tmp_path / "1", ("a", 0, "x"), ("b", 0, "x"))
    second = written(tmp_path / "2", ("a", 0, "y"), ("c", 0, "y"))
    with LogIndex(first, tmp_path / "none", second) as index:
        assert keys(index) == [("a", 0, "y"), ("b", 0, "x"), ("c", 0, "y")]


def test_a_torn_last_line_is_no_case_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "log", ("a", 0, "x"))
    with path.open("ab") as file:
        file.write(b'{"id": "b", "nth"')
    with LogIndex(path) as index:
        assert keys(index) == [("a", 0, "x")]
    path.write_bytes(b"what is this\n" + path.read_bytes())
    with pytest.raises(InputError, match="log:1"):
        LogIndex(path)
