"""CyberSOCEval: guessing earns nothing, missing reports are missing, upstream's reading is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Benchmark, Options
from tyrian.evals.benchmarks.choice_upstream import score_upstream, unboxed
from tyrian.evals.benchmarks.malware_analysis import MalwareAnalysis
from tyrian.evals.benchmarks.reports import shortened
from tyrian.evals.benchmarks.threat_intel_reasoning import ThreatIntelReasoning
from tyrian.evals.datasets.beside import with_files
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import Reply, Request
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.sample import Sample, Score
from tyrian.evals.statistics.corrections import above_chance

KINDS = (MalwareAnalysis, ThreatIntelReasoning)


def built(kind: type[Benchmark], **settings: str) -> Benchmark:
    return kind(Options(settings=settings), OwnPrompts())


def asked(benchmark: Benchmark, sample: Sample, says: str) -> tuple[Request | None, Score]:
    dialogue = benchmark.turns(sample)
    request = None
    try:
        request = next(dialogue)
        dialogue.send(Reply(says))
    except StopIteration as end:
        answer = end.value
    assert request is None or isinstance(request, Request)
    return request, benchmark.score(sample, answer, {})


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_options_score_1_and_the_model_sees_all(kind: type[Benchmark]) -> None:
    benchmark = built(kind)
    for sample in benchmark.load(sample_rows(kind.name)):
        first = asked(benchmark, sample, '{"correct_answers": ["A"]}')
        right = first[1].details["right"]
        request, score = asked(benchmark, sample, json.dumps({"correct_answers": right}))
        assert score.values["exact"] == 1.0
        assert request is not None
        for option in sample.data["options"]:  # type: ignore[attr-defined]
            assert option.split(" ", 1)[1] in request.turns[0].text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("letters", ["A", "AB"])
def test_a_constant_answer_is_at_chance_over_many_orders(
    kind: type[Benchmark], letters: str
) -> None:
    gains = {"exact": [], "overlap": []}  # type: dict[str, list[float]]
    for seed in range(120):
        benchmark = kind(Options(seed=seed), OwnPrompts())
        for sample in benchmark.load(sample_rows(kind.name)):
            said = json.dumps({"correct_answers": list(letters)})
            values = asked(benchmark, sample, said)[1].values
            for name, found in gains.items():
                found.append(above_chance(values[name], values[f"{name}_floor"]))
    for found in gains.values():
        assert abs(sum(found) / len(found)) < 0.05


def test_who_always_takes_the_first_place_is_seen() -> None:
    benchmark = built(MalwareAnalysis)
    rows = sample_rows("malware_analysis")
    leanings = [
        asked(benchmark, one, '{"correct_answers": ["A"]}')[1].values["leaning"]
        for one in benchmark.load(rows)
    ]
    assert sum(leanings) / len(leanings) > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_report_nothing_is_asked_and_nothing_scored(kind: type[Benchmark]) -> None:
    benchmark = built(kind)
    bare = {"report": "", "text": "", "pages": []}
    rows = [{**row, **bare} for row in sample_rows(kind.name)]
    for sample in benchmark.load(rows):
        request, score = asked(benchmark, sample, "anything")
        assert request is None
        assert score.missing == "no_document"


def test_pages_are_sent_as_images_where_they_are_wanted() -> None:
    for modality, images, has_text in (
        ("text", 0, True), ("image", 1, False), ("text_and_image", 1, True),
    ):  # fmt: skip
        benchmark = built(ThreatIntelReasoning, modality=modality)
        sample = next(iter(benchmark.load(sample_rows("threat_intel_reasoning"))))
        request, _ = asked(benchmark, sample, "{}")
        assert request is not None
        assert len(request.turns[0].images) == images
        assert ("EX-2031-11" in request.turns[0].text) is has_text
    with pytest.raises(ConfigError, match="modality"):
        list(built(ThreatIntelReasoning, modality="smell").load([]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"correct_answers": ["A", "B"]}', 1.0),
        ('{"correct_answers": ["A", "A", "B"]}', 2 / 3),
        ('{"correct_answers": ["a", "b"]}', 0.0),
        ('{"correct_answers": [1]}', 0.0),
        ('{"x": 1}', "not_a_list"),
        ('{"correct_answers": [["A"]]}', "not_a_list"),
        ("{}", "unreadable"),
        ("no object", "unreadable"),
        ("", "empty"),
    ],
)
def test_upstreams_reading_of_an_answer(text: str, expected: float | str) -> None:
    score = score_upstream(text, ["A", "B"])
    if isinstance(expected, str):
        assert score.missing == expected
    else:
        assert score.values["overlap"] == expected


def test_upstreams_tags_and_boxes() -> None:
    assert unboxed('so <json_object>{"a":\n1}</json_object> ok') == (
        '<json_object>{"a":1}</json_object>'
    )
    assert unboxed(r"thus $\boxed{A, C}$") == '{"correct_answers": ["A","C"]}'
    assert unboxed("plain\ntext") == "plaintext"


def row(**more: Any) -> Mapping[str, Any]:
    return {"attack": "demo", "sha256": "ab", **more}


def test_reports_beside_the_questions_come_into_the_rows(tmp_path: Path) -> None:
    (tmp_path / "hybrid-analysis" / "demo").mkdir(parents=True)
    (tmp_path / "hybrid-analysis" / "demo" / "ab").write_text('{"size": 1}', encoding="utf-8")
    found = with_files(MalwareAnalysis, [row(), row(sha256="gone")], tmp_path, {})
    assert found[0]["report"] == '{"size": 1}'
    assert "report" not in found[1]


def test_rows_cannot_reach_out_of_the_directory(tmp_path: Path) -> None:
    inner = tmp_path / "data"
    (inner / "hybrid-analysis").mkdir(parents=True)
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    with pytest.raises(InputError, match="leads out"):
        with_files(MalwareAnalysis, [row(attack="../..", sha256="secret")], inner, {})


def test_no_report_at_all_is_an_error_that_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hybrid-analysis"):
        with_files(MalwareAnalysis, [row()], tmp_path, {})


def test_short_reports_keep_attack_ids_and_lose_hashes() -> None:
    report = {"h": "f" * 64, "long": "x" * 999, "ids": [{"attck_id": "T1041"}], "none": None}
    assert shortened(report) == {
        "h": "hash",
        "long": "x" * 300 + "...",
        "ids": [{"attck_id": "T1041"}],
    }
