"""Independent suites: right answers score, guessing earns nothing, files are read as they are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tyrian.errors import InputError
from tyrian.evals.benchmark import Benchmark, Options
from tyrian.evals.benchmarks.cti_bench import CtiActor, CtiSeverity, CtiTechniques, CtiWeakness
from tyrian.evals.cvss import base_score
from tyrian.evals.datasets.source import digests_of, rows_of, sample_rows
from tyrian.evals.exchange import Reply, Request
from tyrian.evals.models.scripted import ScriptedModel
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.registry import benchmark_type
from tyrian.evals.sample import Sample, Score
from tyrian.evals.statistics.chance import estimate_above_chance
from tyrian.evals.statistics.intervals import Estimate

QUIZZES = ("cybermetric", "seceval", "secbench", "wmdp-cyber", "ctibench-mcq")
CHOICES = (*QUIZZES, "malware_analysis", "threat_intel_reasoning")
TEXTS = {
    "ctibench-rcm": ("CWE-79", "CWE-89", "CWE-20"),
    "ctibench-vsp": ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
    "ctibench-ate": ("T1059, T1566", "T1071"),
    "ctibench-taa": ("APT28", "Lazarus"),
}


def built(name: str, seed: int = 0) -> Benchmark:
    return benchmark_type(name)(Options(seed=seed), OwnPrompts())


def scored(benchmark: Benchmark, sample: Sample, says: str) -> Score:
    dialogue = benchmark.turns(sample)
    request = next(dialogue)
    assert isinstance(request, Request)
    with pytest.raises(StopIteration) as end:
        dialogue.send(Reply(says))
    return benchmark.score(sample, end.value.value, {})


def gains(benchmark: Benchmark, says: str) -> dict[str, Estimate]:
    """How far each measure with a floor is above chance over the sample."""
    measured: dict[str, tuple[list[float], list[float]]] = {}
    clusters = []
    for sample in benchmark.load(sample_rows(benchmark.name)):
        values = scored(benchmark, sample, says).values
        clusters.append(sample.cluster or sample.id)
        for measure in benchmark.measures:
            if measure.floor:
                scores, floors = measured.setdefault(measure.name, ([], []))
                scores.append(values[measure.name])
                floors.append(values[measure.floor])
    return {name: estimate_above_chance(*pair, clusters) for name, pair in measured.items()}


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("letters", ["A", "D", "AB"])
def test_a_constant_choice_scores_0_within_its_interval(name: str, letters: str) -> None:
    says = json.dumps({"correct_answers": list(letters)})
    found = [gains(built(name, seed), says) for seed in range(40)]
    # Of 40 intervals of 95 % two miss in the mean, and more than six in one set of 300.
    for measure in found[0]:
        missed = sum(not one[measure].low <= 0.0 <= one[measure].high for one in found)
        assert missed <= 6
        assert abs(sum(one[measure].value for one in found)) / len(found) < 0.08


@pytest.mark.parametrize(("name", "says"), [(n, one) for n, all_ in TEXTS.items() for one in all_])
def test_a_constant_text_scores_0_within_its_interval(name: str, says: str) -> None:
    for interval in gains(built(name), f"I think so.\n{says}").values():
        assert interval.low <= 0.0 <= interval.high
        assert abs(interval.value) < 0.02


@pytest.mark.parametrize("name", QUIZZES)
def test_the_right_letters_are_exact_and_every_case_of_the_sample_is_sound(name: str) -> None:
    benchmark = built(name)
    for sample in benchmark.load(sample_rows(name)):
        assert not sample.invalid
        assert not sample.duplicate_of
        right = scored(benchmark, sample, '{"correct_answers": ["A"]}').details["right"]
        score = scored(benchmark, sample, json.dumps({"correct_answers": right}))
        assert score.values["exact"] == 1.0


@pytest.mark.parametrize("name", TEXTS)
def test_the_right_text_is_right(name: str) -> None:
    benchmark = built(name)
    rows = sample_rows(name)
    for row, sample in zip(rows, benchmark.load(rows), strict=True):
        right = row["GT"] if name != "ctibench-taa" else row["GT"].split("/")[-1]
        score = scored(benchmark, sample, f"Because of this.\n{right}")
        assert score.values[benchmark.measures[0].name] == 1.0
        assert scored(benchmark, sample, "...").missing == "unreadable"


def text_case(kind: type[Benchmark], right: str) -> tuple[Benchmark, Sample]:
    benchmark = kind(Options(), OwnPrompts())
    field = "Text" if kind is CtiActor else "Description"
    return benchmark, next(iter(benchmark.load([{"URL": "u", field: "d", "GT": right}])))


@pytest.mark.parametrize(
    ("kind", "right", "said", "value"),
    [
        (CtiWeakness, "CWE-79", "Not CWE-89.\n**CWE-079**", 1.0),
        (CtiWeakness, "CWE-79", "CWE-89", 0.0),
        (CtiSeverity, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "5.0", None),
        (CtiTechniques, "T1059, T1566", "T1059.001 and T1027\nT1059.003, T1566", 1.0),
        (CtiTechniques, "T1059, T1566", "T1059", 0.5),
        (CtiActor, "APT29/Cozy Bear", "It is clear.\nCozy Bear", 1.0),
        (CtiActor, "APT29/Cozy Bear", "apt 29", 1.0),
        (CtiActor, "APT29/Cozy Bear", "APT28", 0.0),
    ],
)
def test_answers_are_read_from_the_end(
    kind: type[Benchmark], right: str, said: str, value: float | None
) -> None:
    benchmark, sample = text_case(kind, right)
    score = scored(benchmark, sample, said)
    if value is None:
        assert score.missing == "unreadable"
    else:
        assert score.values[benchmark.measures[0].name] == value


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", 5.9),
        ("AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 4.6),
        ("AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None),
        ("AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
    ],
)
def test_base_scores_are_those_of_the_calculator(vector: str, score: float | None) -> None:
    assert base_score(f"CVSS:3.1/{vector}") == score


FILES: Mapping[str, tuple[str, str, Any]] = {
    "secbench": ("SecBench/data", "MCQs_2730.jsonl", "jsonl"),
    "seceval": ("", "questions.json", "json"),
    "ctibench-mcq": ("data", "cti-mcq.tsv", "tsv"),
    "ctibench-rcm": ("data", "cti-rcm.tsv", "tsv"),
    "cysecbench": ("Dataset/Sample sets", "cysecbench-500.csv", "csv"),
    "wmdp-cyber": ("wmdp-cyber", "test-00000-of-00001.parquet", "parquet"),
}


def write_rows(path: Path, rows: list[Mapping[str, Any]], kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        polars = pytest.importorskip("polars")
        polars.DataFrame(rows).write_parquet(path)
        return
    text = {
        "json": lambda: json.dumps(rows, ensure_ascii=False),
        "jsonl": lambda: "".join(json.dumps(row) + "\n" for row in rows),
        "tsv": lambda: "\n".join("\t".join(map(str, r)) for r in table(rows)) + "\n",
        "csv": lambda: "\n".join(",".join(f'"{c}"' for c in r) for r in table(rows)) + "\n",
    }[kind]()
    path.write_text(text, encoding="utf-8")


def table(rows: list[Mapping[str, Any]]) -> list[list[Any]]:
    return [list(rows[0]), *(list(row.values()) for row in rows)]


@pytest.mark.parametrize("name", FILES)
def test_a_checkout_is_read_in_its_own_form_and_its_digest_is_noted(
    name: str, tmp_path: Path
) -> None:
    folder, file, kind = FILES[name]
    folder = "data" if name == "secbench" else folder
    rows = list(sample_rows(name))
    write_rows(tmp_path / folder / file, rows, kind)
    found = rows_of(benchmark_type(name), "full", tmp_path)
    assert [dict(row) for row in found] == [dict(row) for row in rows]
    (digest,) = digests_of(benchmark_type(name), "full", tmp_path).values()
    assert len(digest) == 64
    assert list(built(name).load(found))


def test_pinned_bytes_are_compared_and_unknown_ones_need_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "CyberMetric-500-v1.json").write_text('{"questions": []}', encoding="utf-8")
    with pytest.raises(InputError, match="not the pinned bytes"):
        rows_of(benchmark_type("cybermetric"), "full", tmp_path)
    with pytest.raises(InputError, match="no digest"):
        rows_of(benchmark_type("cysecbench"), "full", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Prompt,Category\nonly one field\n", "fields"),
        ("", "empty"),
        ('Prompt,Category\n"never closed,x\n', "not a table"),
    ],
)
def test_a_broken_table_is_named(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "cysecbench-500.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        rows_of(benchmark_type("cysecbench"), "full", tmp_path)


def test_rows_of_another_schema_are_named() -> None:
    with pytest.raises(InputError, match="answers"):
        list(built("cybermetric").load([{"question": "?", "answers": ["a"], "solution": "A"}]))
    with pytest.raises(InputError, match="answer"):
        list(built("wmdp-cyber").load([{"question": "?", "choices": ["a"], "answer": "A"}]))
    (case,) = built("seceval").load(
        [{"question": "?", "choices": ["A: x"], "answer": "", "topics": [], "source": "s"}]
    )
    assert case.invalid == "no_right_option"


@pytest.mark.parametrize("rule", ["obeys", "constant"])
@pytest.mark.parametrize("name", CHOICES)
async def test_scripted_models_answer_multiple_choice(name: str, rule: str) -> None:
    benchmark = built(name)
    for sample in benchmark.load(sample_rows(name)):
        request = next(benchmark.turns(sample))
        assert isinstance(request, Request)
        said = (await ScriptedModel(rule).reply(request)).text
        assert not scored(benchmark, sample, said).missing
