"""What a report says of judges and protocols: corrected rates, agreement, and where they differ."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tyrian.errors import InputError
from tyrian.evals.report.content import content_of
from tyrian.evals.report.html import as_html
from tyrian.evals.report.judges import Label, load_labels
from tyrian.evals.report.markdown import as_markdown
from tyrian.evals.run.log import Record
from tyrian.evals.run.outcome import MANIFEST, RESULTS, as_json, line_of
from tyrian.evals.run.results import Finished, finished_below


def finished(
    path: Path, served: Sequence[float | None], judge: str, fidelity: str = "strict"
) -> Finished:
    """A run of `goals` with these verdicts; None where the judge gave none."""
    path.mkdir(parents=True)
    manifest = {
        "benchmark": "goals", "variant": "full", "fidelity": fidelity, "settings": {},
        "model": "m", "models": {"target": "m", "judge": judge},
    }  # fmt: skip
    (path / MANIFEST).write_bytes(as_json(manifest))
    records = [
        Record(
            id=f"{at:05d}", nth=0, digest="d", answer={"text": f"a{at}"},
            values={} if value is None else {"served": value},
            missing="judge_unclear" if value is None else "",
        )
        for at, value in enumerate(served)
    ]  # fmt: skip
    (path / RESULTS).write_bytes(b"".join(map(line_of, records)))
    (run,) = finished_below(path)
    return run


def label(at: int, truth: bool) -> Label:
    return Label("goals", f"{at:05d}", truth)


def test_labels_correct_the_rate_that_a_judge_saw(tmp_path: Path) -> None:
    # Of 60 true cases the judge finds 48, of 140 others it lets 126 pass: it sees 62 of 200.
    said = [*[1.0] * 48, *[0.0] * 12, *[1.0] * 14, *[0.0] * 126]
    labels = [label(at, at < 60) for at in range(200)]
    content = content_of([finished(tmp_path / "a", said, "j1")], labels=labels)
    (one,) = content.judged
    assert one.quality.sensitivity == pytest.approx(0.8)
    assert one.quality.specificity == pytest.approx(0.9)
    assert one.seen.value == pytest.approx(0.31)
    assert one.true is not None
    assert one.true.value == pytest.approx(0.30)
    assert one.true.high - one.true.low > one.seen.high - one.seen.low
    for text in (as_markdown(content), as_html(content)):
        assert "80.0%" in text
        assert "30.0%" in text


def test_a_judge_without_a_verdict_counts_as_wrong_and_is_counted(tmp_path: Path) -> None:
    run = finished(tmp_path / "a", [1.0, None, 0.0], "j1")
    (one,) = content_of([run], labels=[label(0, True), label(1, True), label(2, False)]).judged
    assert one.quality.abstained == 1
    assert one.quality.sensitivity == 0.5


def test_two_judges_of_the_same_answers_are_compared(tmp_path: Path) -> None:
    first = finished(tmp_path / "a", [1.0] * 5 + [0.0] * 5, "j1")
    second = finished(tmp_path / "b", [1.0] * 4 + [0.0] * 6, "j2")
    content = content_of([first, second])
    (two,) = content.swapped
    assert (two.first, two.second, two.found.n) == ("j1", "j2", 10)
    assert two.found.share.value == 0.9
    assert two.found.kappa == pytest.approx(0.8)
    assert "0.80" in as_markdown(content)
    assert "Kappa" in as_html(content)
    assert content_of([first, first]).swapped == ()


def test_both_protocols_are_shown_where_they_differ(tmp_path: Path) -> None:
    strict = finished(tmp_path / "a", [1.0, 0.0, None, 0.0], "j")
    published = finished(tmp_path / "b", [1.0, 0.0, 0.0, 0.0], "j", "upstream")
    content = content_of([strict, published])
    (one,) = content.differences
    assert (one.strict.n, one.upstream.n) == (3, 4)
    assert "As published" in as_html(content)
    assert "as published" in as_markdown(content)
    same = finished(tmp_path / "c", [1.0, 0.0, 0.0, 0.0], "j")
    assert content_of([same, published]).differences == ()


def test_a_bad_line_of_labels_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"benchmark": "goals", "id": "1", "truth": true}\n{"id": 2}\n')
    with pytest.raises(InputError, match=r"labels\.jsonl:2"):
        load_labels(path)
    path.write_text('{"benchmark": "goals", "id": "1", "truth": true}\n')
    assert load_labels(path) == (Label("goals", "1", True),)
