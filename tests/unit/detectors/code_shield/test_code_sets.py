"""The sets that judge Code Shield are whole, varied and of the sizes that their README tells."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tyrian.detectors.code_shield.languages import SYNTAXES

SETS = Path(__file__).resolve().parents[3] / "data" / "code_shield"
TOP_25_SEEN_IN_FRAGMENTS = {
    22, 77, 78, 79, 89, 94, 119, 120, 121, 122, 125, 190, 200, 269, 287, 306, 352, 400, 416, 434,
    476, 502, 770, 787, 798, 862, 863, 918,
}  # fmt: skip
_KEY = re.compile(r"^([\w-]+):(?: \|| \")", re.MULTILINE)


PAIRS = ("pairs", "pairs_later")


def pair_rows(*folders: str) -> Iterator[tuple[str, dict[str, str]]]:
    for path in sorted(p for folder in folders or PAIRS for p in (SETS / folder).glob("*.yaml")):
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield path.stem, row


def named_rows(folder: str) -> Iterator[tuple[str, str, str]]:
    for path in sorted((SETS / folder).glob("*.yaml")):
        for name, code in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            yield path.stem, name, code


def test_there_are_as_many_rows_as_the_readme_tells() -> None:
    told = dict(re.findall(r"\| *`(\w+)/` *\| *(\d+)", (SETS / "README.md").read_text()))
    rows = {folder: len(list(pair_rows(folder))) for folder in PAIRS}
    rows |= {folder: len(list(named_rows(folder))) for folder in ("clean", "chat")}
    assert rows == {folder: int(count) for folder, count in told.items()}
    assert min(rows[folder] for folder in ("pairs", "clean", "chat")) >= 300


def test_every_pair_is_whole_and_its_two_sides_differ() -> None:
    for _, row in pair_rows():
        assert set(row) == {"id", "cwe", "why", "bad", "good"}, row.get("id")
        assert re.fullmatch(r"CWE-\d+", row["cwe"]), row["id"]
        assert row["bad"].strip() != row["good"].strip(), row["id"]


def test_ids_are_unique() -> None:
    ids = [row["id"] for _, row in pair_rows()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("folder", ["clean", "chat"])
def test_no_name_is_written_twice(folder: str) -> None:
    names = [
        name
        for path in (SETS / folder).glob("*.yaml")
        for name in _KEY.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(names) == len(set(names)) == len(list(named_rows(folder)))


@pytest.mark.parametrize("folder", [*PAIRS, "clean"])
def test_every_language_is_there(folder: str) -> None:
    assert {path.stem for path in (SETS / folder).glob("*.yaml")} == set(SYNTAXES)


def test_the_pairs_are_of_many_kinds() -> None:
    kinds = {int(row["cwe"][4:]) for _, row in pair_rows()}
    assert len(kinds) >= 60
    assert kinds >= TOP_25_SEEN_IN_FRAGMENTS


def test_no_fragment_is_written_twice() -> None:
    codes = [row[side].strip() for _, row in pair_rows() for side in ("bad", "good")]
    codes += [code.strip() for folder in ("clean", "chat") for *_, code in named_rows(folder)]
    assert len(codes) == len(set(codes))
