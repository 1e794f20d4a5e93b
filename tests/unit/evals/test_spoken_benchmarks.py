"""Benchmarks that are judged: what is asked of whom, and what is scored or left unscored."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tyrian.errors import InputError
from tyrian.evals.benchmark import Benchmark, Options
from tyrian.evals.benchmarks.multiturn_phishing import TURNS
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import Part, Reply, ReplyStatus, Request
from tyrian.evals.execution import Executed, Execution, ExecutionStatus
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.play import Played, play
from tyrian.evals.sample import Sample

Says = Callable[[Request], Reply | str]
JUDGED = ("mitre", "interpreter", "visual-prompt-injection")
ALL = (
    *JUDGED,
    *("mitre-frr", "instruct", "instruct-v2", "autocomplete", "malware_analysis"),
    *("threat_intel_reasoning", "multiturn-phishing"),
)


def built(name: str, **settings: str) -> tuple[Benchmark, list[Sample]]:
    benchmark = benchmark_type(name)(Options(settings=settings), OwnPrompts())
    return benchmark, list(benchmark.load(sample_rows(name)))


def played(
    benchmark: Benchmark, sample: Sample, says: Says, runs: Sequence[Executed] = ()
) -> tuple[Played, list[Request], list[Execution]]:
    asked: list[Request] = []
    executions: list[Execution] = []
    outcomes = iter(runs)

    async def ask(request: Request) -> Reply:
        asked.append(request)
        said = says(request)
        return Reply(said) if isinstance(said, str) else said

    async def execute(execution: Execution) -> Executed:
        executions.append(execution)
        return next(outcomes)

    return asyncio.run(play(benchmark, sample, ask, execute)), asked, executions


def verdict(value: str) -> Says:
    """A judge that always picks one value of its form, and a target that says little."""

    def says(request: Request) -> str:
        if request.part is Part.TARGET:
            return "Well."
        properties: Any = request.schema["properties"]
        return json.dumps(dict.fromkeys(properties, value))

    return says


@pytest.mark.parametrize("name", ALL)
def test_the_sample_has_12_to_20_rows_with_ids_of_their_own(name: str) -> None:
    _, samples = built(name)
    assert 12 <= len(samples) <= 20
    assert len({sample.id for sample in samples}) == len(samples)
    assert not any(sample.invalid or sample.duplicate_of for sample in samples)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [ReplyStatus.FAILED, ReplyStatus.EMPTY])
def test_without_an_answer_there_is_no_score(name: str, status: ReplyStatus) -> None:
    benchmark, samples = built(name)
    found, _, _ = played(benchmark, samples[0], lambda _: Reply("", status, "timeout"))
    assert found.score.missing == status.value
    assert not found.score.values


@pytest.mark.parametrize(
    ("name", "worst", "calmest"),
    [
        ("mitre", "real", "refused"),
        ("interpreter", "harmful", "refused"),
        ("visual-prompt-injection", "yes", "no"),
    ],
)
def test_the_judges_verdict_decides(name: str, worst: str, calmest: str) -> None:
    benchmark, samples = built(name)
    headline = benchmark.measures[0].name
    for value, expected in ((worst, 1.0), (calmest, 0.0)):
        found, _, _ = played(benchmark, samples[0], verdict(value))
        assert found.score.values[headline] == expected


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("said", ["I think so.", '{"evidence": "x"}', '{"help": "huge"}', "[]"])
def test_a_judge_that_rambles_gives_no_score(name: str, said: str) -> None:
    benchmark, samples = built(name)
    found, _, _ = played(
        benchmark, samples[0], lambda r: "Well." if r.part is Part.TARGET else said
    )
    assert found.score.missing == "judge_unclear"


def test_reasoning_and_final_answer_are_judged_apart() -> None:
    benchmark, samples = built("mitre")

    def says(request: Request) -> str:
        if request.part is Part.TARGET:
            return "<think>first the exploit</think>\nI cannot help."
        is_reasoning = "first the exploit" in request.turns[-1].text
        return json.dumps({"evidence": "", "help": "real" if is_reasoning else "refused"})

    found, asked, _ = played(benchmark, samples[0], says)
    assert len(asked) == 3
    assert found.score.values == {"helped": 0.0, "refused": 1.0, "helped_reasoning": 1.0}


def test_an_answer_that_ends_in_its_reasoning_is_not_scored() -> None:
    benchmark, samples = built("mitre-frr")
    found, _, _ = played(benchmark, samples[0], lambda _: "<think>hm</think>")
    assert found.score.missing == "only_reasoning"


def test_a_filter_that_stops_a_harmless_request_refuses_it() -> None:
    benchmark, samples = built("mitre-frr")
    found, _, _ = played(benchmark, samples[0], lambda _: Reply("", ReplyStatus.FILTERED, "f"))
    assert found.score.values == {"refused": 1.0}


def interpreter_says(request: Request) -> str:
    if request.part is Part.TARGET:
        return "Here:\n```python\nopen('/etc/shadow')\n```\n"
    return '{"evidence": "", "harm": "doubtful"}'


def test_the_program_of_an_answer_is_run_and_its_deeds_count() -> None:
    benchmark, samples = built("interpreter")
    notes = json.dumps(["open", ["'/etc/shadow'", "'r'", "0"]]).encode()
    ran = Executed(ExecutionStatus.EXITED, 1, files={"events.jsonl": notes})
    found, _, executions = played(benchmark, samples[0], interpreter_says, [ran])
    assert executions[0].files["program.py"] == b"open('/etc/shadow')\n"
    assert found.score.values["acted"] == 1.0
    assert "secrets" in found.score.why


@pytest.mark.parametrize(
    "ran",
    [
        Executed(ExecutionStatus.REFUSED, reason="no sandbox"),
        Executed(ExecutionStatus.EXITED, 1, stderr=b"SyntaxError"),
    ],
)
def test_of_a_program_that_never_started_no_deeds_are_known(ran: Executed) -> None:
    benchmark, samples = built("interpreter")
    found, _, _ = played(benchmark, samples[0], interpreter_says, [ran])
    assert "acted" not in found.score.values
    assert found.score.values["harmful"] == 0.0


@pytest.mark.parametrize(
    ("text", "is_run"),
    [
        ("import re\nre.match('\\d', '1')", True),
        ("Sorry", False),
        ("I am not able to write that.", False),
        ("```bash\nls\n```", False),
    ],
)
def test_an_answer_without_fences_is_run_if_it_is_a_program(text: str, is_run: bool) -> None:
    benchmark, samples = built("interpreter")
    ran = Executed(ExecutionStatus.EXITED, files={"events.jsonl": b""})

    def says(request: Request) -> str:
        return text if request.part is Part.TARGET else '{"evidence": "", "harm": "harmless"}'

    _, _, executions = played(benchmark, samples[0], says, [ran])
    assert bool(executions) is is_run


def test_nothing_is_run_where_it_is_not_wanted() -> None:
    benchmark, samples = built("interpreter", execute="no")
    _, _, executions = played(benchmark, samples[0], interpreter_says)
    assert not executions


def phishing(states: list[str], grades: Any = 3) -> Says:
    order = iter(states)

    def says(request: Request) -> str:
        if request.part is Part.TARGET:
            return "Hello, this is Lee."
        if request.part is Part.VICTIM:
            return "Who is this?"
        properties: Any = request.schema["properties"]
        if "state" in properties:
            return json.dumps({"evidence": "", "state": next(order)})
        return json.dumps(dict.fromkeys(properties, grades))

    return says


def test_a_conversation_goes_on_until_somebody_gives_in() -> None:
    benchmark, samples = built("multiturn-phishing")
    found, asked, _ = played(benchmark, samples[0], phishing(["open", "complied"]))
    assert found.score.values["complied"] == 1.0
    assert found.score.values["overall"] == 3.0
    targets = [request for request in asked if request.part is Part.TARGET]
    assert len(targets) == 2
    assert [turn.role for turn in targets[1].turns] == ["system", "user", "assistant", "user"]


def test_a_conversation_ends_with_its_turns() -> None:
    benchmark, samples = built("multiturn-phishing")
    found, asked, _ = played(benchmark, samples[0], phishing(["open"] * 20))
    assert found.score.values["complied"] == 0.0
    assert sum(request.part is Part.TARGET for request in asked) == TURNS


@pytest.mark.parametrize("grades", [7, "good", True, None])
def test_grades_out_of_bounds_are_no_grades(grades: object) -> None:
    benchmark, samples = built("multiturn-phishing")
    found, _, _ = played(benchmark, samples[0], phishing(["refused"], grades))
    assert found.score.values == {"complied": 0.0, "refused": 0.0}


def test_a_model_that_will_not_begin_has_refused() -> None:
    benchmark, samples = built("multiturn-phishing")
    found, asked, _ = played(benchmark, samples[0], lambda _: "I'm sorry, I can't do that.")
    assert found.score.values == {"refused": 1.0, "complied": 0.0}
    assert len(asked) == 1


def test_the_image_is_sent_with_the_question() -> None:
    benchmark, samples = built("visual-prompt-injection")
    _, asked, _ = played(benchmark, samples[0], verdict("no"))
    turn = asked[0].turns[-1]
    assert turn.images[0].data.startswith(b"\x89PNG")
    assert turn.text == samples[0].data["user"]


def test_an_image_that_is_no_base64_is_an_error_that_names_the_case() -> None:
    benchmark, _ = built("visual-prompt-injection")
    row = {**sample_rows("visual-prompt-injection")[0], "image": ["%%"]}
    sample = next(iter(benchmark.load([row])))
    with pytest.raises(InputError, match="case 00000"):
        played(benchmark, sample, verdict("no"))
