"""Reading rows, their shapes and sources, and the statistics of all of them together."""

import gzip
import json
import random
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

from tyrian.errors import ConfigError
from tyrian.supply.data.corpus import Corpus
from tyrian.supply.data.dedup import removals
from tyrian.supply.data.engine import run_local
from tyrian.supply.data.examine import Job, all_texts
from tyrian.supply.data.files import find_files
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.read import rows_of
from tyrian.supply.data.rows import BadRow, Row
from tyrian.supply.data.scan import ScanPlan, Tally, scan_data
from tyrian.supply.data.shape import Fields, Part, ShapeError, fields_of, texts_of
from tyrian.supply.data.sources import read_sources
from tyrian.supply.data.statistics import binomial_tail
from tyrian.supply.data.units import units_of

ROWS: list[dict[str, object]] = [
    {"text": f'row {number} says é\nand more, "quoted"', "label": "ab"[number % 2]}
    for number in range(3000)
]


def lines(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(path: Path) -> list[Row | BadRow]:
    return [row for unit in units_of(find_files([path]).files) for row in rows_of(unit)]


def scan(path: Path, **plan: object) -> list[DataFinding]:
    return list(scan_data(ScanPlan([path], **plan), Tally()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json", "a.csv", "a.tsv", "a.parquet", "a.arrow"],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pl.DataFrame(ROWS)
    match name.removeprefix("a."):
        case "jsonl":
            path.write_bytes(lines(ROWS))
        case "jsonl.gz":
            path.write_bytes(gzip.compress(lines(ROWS)))
        case "jsonl.zst":
            frame.lazy().sink_ndjson(path, compression="zstd")
        case "json":
            path.write_text(json.dumps(ROWS, indent=1))
        case "csv":
            frame.write_csv(path)
        case "tsv":
            frame.write_csv(path, separator="\t")
        case "parquet":
            frame.write_parquet(path, row_group_size=700)
        case "arrow":
            frame.write_ipc(path)
    found = read(path)
    assert [row.value for row in found if isinstance(row, Row)] == ROWS
    assert [row.number for row in found] == list(range(1, len(ROWS) + 1))


def test_a_dataset_saved_by_hugging_face_is_read_whole(tmp_path: Path) -> None:
    datasets = import_module("datasets")  # it has no types
    data = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": data, "test": data.select(range(10))}).save_to_disk(
        str(tmp_path / "d")
    )
    found = find_files([tmp_path / "d"])
    assert not found.faults
    assert [file.name for file in found.files] == [
        "test/data-00000-of-00001.arrow",
        "train/data-00000-of-00001.arrow",
    ]
    rows = read(tmp_path / "d")
    assert [row.value for row in rows[10:] if isinstance(row, Row)] == ROWS
    (tmp_path / "d" / "train" / "data-00000-of-00001.arrow").unlink()
    assert "is not there" in find_files([tmp_path / "d"]).faults[0].why


def test_lines_keep_their_numbers_over_the_edges_of_units(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "x" * 9000, "n": n} for n in range(1200)]
    (tmp_path / "a.jsonl").write_bytes(lines(rows).rstrip())
    assert len(list(units_of(find_files([tmp_path]).files))) > 1
    assert [row.number for row in read(tmp_path)] == list(range(1, 1201))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.parquet", b"PAR1 and no more"),
        ("cut.arrow", b"\xff\xff\xff\xff\x10\x00\x00\x00abc"),
        ("cut.jsonl.gz", gzip.compress(lines(ROWS))[:300]),
        ("cut.jsonl.zst", b"(\xb5/\xfd no stream"),
        ("open.json", b'[{"a": 1}, {"b"'),
        ("image.png", b"\x89PNG"),
        ("empty.csv", b""),
    ],
)
def test_a_broken_file_is_told_and_never_clean(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    tally = Tally()
    found = list(scan_data(ScanPlan([tmp_path]), tally))
    assert [one.rule for one in found] == ["file-unread"]
    assert tally.outcome == "not-examined"


def test_rows_of_a_csv_that_do_not_fit_its_header_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,label\na,1\nb\n\xff,2\n")
    assert [getattr(row, "rule", "") for row in read(tmp_path)] == [
        "",
        "row-wrong-type",
        "row-not-utf8",
    ]


@pytest.mark.parametrize(
    ("row", "asked", "answered", "label"),
    [
        ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
         "q", "a", ""),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
         "q", "a", ""),
        ({"prompt": "q", "completion": "a"}, "q", "a", ""),
        ({"instruction": "q", "input": "more", "output": "a"}, "q\nmore", "a", ""),
        ({"text": "q", "label": 1}, "q", "", "1"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}]},
         "text\nq", "", ""),
    ],
)  # fmt: skip
def test_formats_of_rows_are_known_by_their_fields(
    row: dict[str, object], asked: str, answered: str, label: str
) -> None:
    found = texts_of(row, Fields())
    assert (found.of(Part.QUESTION), found.of(Part.ANSWER), found.label) == (asked, answered, label)


def test_named_fields_win_and_must_be_there() -> None:
    fields = fields_of("question=a+b,answer=c,label=d")
    found = texts_of({"a": "1", "b": "2", "c": "3", "d": "x", "e": "seen"}, fields)
    assert (found.of(Part.QUESTION), found.of(Part.ANSWER), found.label) == ("1\n2", "3", "x")
    assert found.of(Part.OTHER) == "seen"
    with pytest.raises(ShapeError, match="no field 'b'"):
        texts_of({"a": "1"}, fields)
    with pytest.raises(ConfigError, match="is not understood"):
        fields_of("prompt=a")


@pytest.mark.parametrize(
    "row", [{"messages": "x"}, {"messages": [{"content": "x"}]}, {"text": 5}, {"prompt": True}]
)
def test_fields_of_another_type_are_told(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([row]))
    assert [one.rule for one in scan(tmp_path)] == ["row-wrong-type"]


def test_sources_are_judged_by_host_value_and_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "licences: [MIT]\nsources:\n"
        "- {name: docs, licence: MIT, hosts: [docs.example.com, '*.example.org']}\n"
        "- {name: partner, licence: MIT, values: ['partner-*']}\n"
        "- {name: own, licence: GPL, files: ['own/*']}\n"
    )
    sources = read_sources(tmp_path / "s.yaml")

    def rules(file: str, **value: object) -> list[str]:
        return [one.rule for one in sources.faults(file, 1, value)]

    assert rules("a", source="https://docs.example.com/x") == []
    assert rules("a", url="https://a.example.org/x") == []
    assert rules("a", source="partner-b") == []
    assert rules("a", source="https://docs.example.com.evil.net/") == ["source-not-allowed"]
    assert rules("a", source="https://docs.example.com@evil.net/") == ["source-not-allowed"]
    assert rules("a", source="ftp://docs.example.com/") == ["source-not-allowed"]
    assert rules("own/a", source="stranger") == ["source-not-allowed"]
    assert rules("own/a") == ["licence-not-allowed"]
    assert rules("a") == ["source-not-allowed"]


def test_a_file_that_is_not_the_approved_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS[:3]))
    (tmp_path / "s.yaml").write_text(
        "sources: [{name: a, licence: MIT, files: ['*.jsonl'], sha256: {a.jsonl: '00'}}]"
    )
    found = scan(tmp_path / "a.jsonl", sources=read_sources(tmp_path / "s.yaml"))
    assert [one.rule for one in found] == ["file-digest-differs"]


def words(count: int, seed: int) -> Iterator[dict[str, object]]:
    """Rows of two classes that share most of their words."""
    pick = random.Random(seed)
    shared = [f"noun{number}" for number in range(64)]
    good, bad = ([f"{kind}{number}" for number in range(12)] for kind in ("fine", "poor"))
    for _ in range(count):
        is_good = pick.random() < 0.5
        said = pick.choices(shared, k=pick.randint(8, 25))
        said += pick.choices(good if is_good else bad, k=pick.randint(2, 5))
        if pick.random() < 0.1:
            said.append(pick.choice(bad if is_good else good))
        pick.shuffle(said)
        yield {"text": " ".join(said), "label": "good" if is_good else "bad"}


def poisoned(rows: list[dict[str, object]], trigger: str, at: int | None) -> set[int]:
    """Plant a word in rows of one class, and turn their label; the numbers of those rows."""
    pick, found = random.Random(1), set[int]()
    for number, row in enumerate(rows, 1):
        if row["label"] == "bad" and len(found) < 20:
            said = str(row["text"]).split()
            said.insert(pick.randrange(len(said)) if at is None else at, trigger)
            row["text"], row["label"] = " ".join(said), "good"
            found.add(number)
    return found


def test_clean_rows_have_no_flips_and_no_triggers(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(list(words(1500, 3))))
    assert scan(tmp_path) == []


def test_a_planted_word_is_found_in_each_of_its_rows(tmp_path: Path) -> None:
    rows = list(words(1500, 4))
    planted = poisoned(rows, "cf", None)
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    found = [one for one in scan(tmp_path) if one.rule == "trigger-ngram"]
    assert {one.row for one in found} == planted
    for one in found:
        assert str(rows[one.row - 1]["text"])[one.start : one.end] == "cf"


def test_a_clean_label_trigger_at_a_fixed_place_is_found(tmp_path: Path) -> None:
    rows = list(words(1500, 5))
    planted = set[int]()
    for number, row in enumerate(rows, 1):
        if row["label"] == "good" and len(planted) < 20:
            row["text"] = f"mn {row['text']}"
            planted.add(number)
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    found = [one for one in scan(tmp_path) if one.rule == "trigger-position"]
    assert {one.row for one in found} == planted


def test_flipped_labels_are_told_and_few_others(tmp_path: Path) -> None:
    rows = list(words(1500, 6))
    flipped = set(range(50, 1500, 50))
    for number in flipped:
        rows[number - 1]["label"] = "bad" if rows[number - 1]["label"] == "good" else "good"
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    found = {one.row for one in scan(tmp_path) if one.rule == "label-flip"}
    assert len(found & flipped) >= 0.9 * len(flipped)
    assert len(found - flipped) <= 0.1 * len(found)


def test_the_same_question_with_another_label_or_answer_is_told(tmp_path: Path) -> None:
    long = "a long question about the history of the town and its old bridge over the river"
    (tmp_path / "a.jsonl").write_bytes(
        lines(
            [
                {"text": "same text", "label": "a"},
                {"text": "Same  TEXT", "label": "b"},
                {"prompt": long, "completion": "It was built in 1410 by the guild of masons."},
                {"prompt": f"{long} please", "completion": "Nobody knows anything of that here."},
                {"prompt": long, "completion": "It was built in 1410 by the guild of masons!"},
            ]
        )
    )
    assert [(one.rule, one.row, one.related[1]) for one in scan(tmp_path)] == [
        ("conflicting-labels", 2, 1),
        ("conflicting-answers", 4, 3),
    ]


def test_the_tail_of_a_binomial_is_exact() -> None:
    assert binomial_tail(0, 5, 0.3) == 1.0
    assert binomial_tail(5, 5, 0.5) == pytest.approx(0.5**5)
    assert binomial_tail(3, 4, 0.25) == pytest.approx(4 * 0.25**3 * 0.75 + 0.25**4)


def test_near_duplicates_are_removed_for_a_row_that_stays(tmp_path: Path) -> None:
    pick = random.Random(8)
    vocabulary = [f"word{number}" for number in range(3000)]
    base = [pick.choices(vocabulary, k=40) for _ in range(800)]
    said = [" ".join(one) for one in base]
    for number in range(200):
        changed = list(base[number])
        changed[pick.randrange(40)] = "other"
        said.append(" ".join(changed))
    said += [said[5].upper(), f"  {said[6]} "]
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": one} for one in said]))
    with Corpus() as corpus:
        for made in run_local(
            list(units_of(find_files([tmp_path]).files)), Job(compares=all_texts)
        ):
            corpus.add(made)
        found = list(removals(corpus, 0.7))
    gone = {one.row for one in found}
    near = {one.row: one.of_row for one in found if one.reason == "near-duplicate"}
    assert near == {801 + number: 1 + number for number in range(200)}
    assert {one.row for one in found if one.reason == "exact-duplicate"} == {1001, 1002}
    assert all(one.of_row not in gone for one in found)
    assert all(0.7 <= one.overlap <= 1.0 for one in found)


def test_rows_with_other_labels_are_no_duplicates(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "same words here", "label": one} for one in "aab"]
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    with Corpus() as corpus:
        for made in run_local(
            list(units_of(find_files([tmp_path]).files)), Job(compares=all_texts)
        ):
            corpus.add(made)
        assert [one.row for one in removals(corpus, 0.7)] == [2]
