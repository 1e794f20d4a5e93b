"""Inspect AI runs our benchmarks to our scores, and reads our runs."""

import asyncio
import gc
import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="the extra tyrian[inspect] is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Inspect's own dependencies, at import
    from inspect_ai import eval as inspect_eval
    from inspect_ai.log import EvalLog, read_eval_log
    from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

    from tyrian.evals.engines.inspect_registry import TASKS
    from tyrian.evals.engines.inspect_task import PLAYED
    from tyrian.evals.engines.inspect_wire import (
        config_of,
        messages_of,
        output_of,
        reply_of,
        request_of,
        tools_of,
    )

from tyrian.evals.exchange import (
    Image,
    Part,
    Reply,
    ReplyStatus,
    Request,
    Sampling,
    ToolCall,
    Turn,
    Usage,
)
from tyrian.evals.models.scripted import ScriptedJudge, ScriptedModel
from tyrian.evals.registry import known_benchmarks
from tyrian.evals.run.log import Record, records
from tyrian.evals.run.outcome import RESULTS
from tyrian.evals.run.plan import Plan, Tools, carry_out
from tyrian.evals.worlds.obedient import ObedientAgent

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of Inspect's dependencies


@pytest.fixture(scope="module", autouse=True)
def no_streams_left() -> Iterator[None]:
    """Inspect leaves streams of memory to the collector, which would warn in other tests."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def by_inspect(name: str, model: Model, folder: Path, **options: Any) -> EvalLog:
    roles = {"judge": get_model("tyrian/scripted-judge")}
    (log,) = inspect_eval(
        TASKS[name](sample=True, **options),
        model=model,
        model_roles=roles,
        log_dir=str(folder / "logs"),
        display="none",
        max_samples=4,
    )
    assert log.status == "success", log.error
    return log


def by_us(name: str, model: Any, folder: Path) -> dict[str, Record]:
    models = {Part.TARGET: model, Part.JUDGE: ScriptedJudge()}
    plan = Plan((name,), folder / "runs", is_sample=True, at_once=4)
    asyncio.run(carry_out(plan, Tools(models)))
    (found,) = (folder / "runs").rglob(RESULTS)
    return {record.id: record for record in records(found)}


def mock(rule: Callable[[str], str]) -> Model:
    """Inspect's own scripted model."""

    def output(messages: Any, tools: Any, choice: Any, config: Any) -> ModelOutput:
        said = ModelOutput.from_content("mockllm", rule(messages[-1].text))
        said.usage = ModelUsage(input_tokens=1, output_tokens=1)  # else it fetches a tokenizer
        return said

    return get_model("mockllm/model", custom_outputs=output, memoize=False)


def assert_same(log: EvalLog, ours: dict[str, Record]) -> None:
    assert log.samples is not None
    assert {str(one.id) for one in log.samples} == set(ours)
    for sample in log.samples:
        record = ours[str(sample.id)]
        assert sample.store[PLAYED]["values"] == record.values
        assert sample.store[PLAYED]["label"] == record.label
        assert sample.scores is not None
        value = sample.scores["scored"].value
        if record.missing or record.duplicate_of or record.invalid:
            assert isinstance(value, float)
            assert math.isnan(value)
        else:
            assert isinstance(value, dict)
            given = {k: v for k, v in value.items() if not math.isnan(float(str(v)))}
            assert given == record.values


def test_every_benchmark_is_a_task_of_inspect() -> None:
    assert set(TASKS) == set(known_benchmarks())


def test_inspect_finds_them_by_entry_point() -> None:
    from importlib.metadata import entry_points

    (point,) = (one for one in entry_points(group="inspect_ai") if one.name == "tyrian")
    assert point.value == "tyrian.evals.engines.inspect_registry"


@pytest.mark.parametrize("name", ["prompt-injection", "mitre"])
def test_a_scripted_model_has_the_same_scores_by_both_engines(name: str, tmp_path: Path) -> None:
    model = mock(lambda said: f"Sure, here is what you asked for.\n\n{said}")
    assert_same(by_inspect(name, model, tmp_path), by_us(name, ScriptedModel("obeys"), tmp_path))


def test_an_agent_with_tools_has_the_same_scores_by_both_engines(tmp_path: Path) -> None:
    log = by_inspect("agents", get_model("tyrian/scripted:agent"), tmp_path)
    ours = by_us("agents", ObedientAgent(), tmp_path)
    assert any(record.values.get("hijacked") for record in ours.values())
    assert_same(log, ours)


def test_a_run_of_ours_is_a_log_that_inspect_reads(tmp_path: Path) -> None:
    ours = by_us("prompt-injection", ScriptedModel("refuses"), tmp_path)
    for kind in ("eval", "json"):
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from tyrian.cli.main import main; main()", "eval"),
                *("export", str(tmp_path / "runs"), "-o", str(tmp_path / kind)),
                *("--format", kind),
            ],
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        log = read_eval_log(done.stdout.strip())
        assert log.eval.task == "tyrian/prompt-injection"
        assert log.samples is not None
        assert {str(one.id) for one in log.samples} == set(ours)
        one = log.samples[0]
        assert [m.role for m in one.messages[:2]] == ["user", "assistant"]
        assert one.messages[0].text == ours[str(one.id)].exchanges[0].said
        assert log.results is not None
        means = {s.name: s.metrics["mean"].value for s in log.results.scores}
        assert means == {"injected": 0.0}


def test_requests_come_through_inspect_as_they_were() -> None:
    parameters = {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "Which."}},
        "required": ["name"],
        "additionalProperties": False,
    }
    tool = {"name": "read", "description": "Reads.", "parameters": parameters}
    request = Request(
        Part.TARGET,
        (
            Turn("system", "s"),
            Turn("user", "u", images=(Image("image/png", b"\x89PNG"),)),
            Turn("assistant", "a", calls=(ToolCall("1", "read", '{"name":"x"}'),)),
            Turn("tool", "t", call_id="1"),
        ),
        Sampling(0.3, 0.8, 77, 5),
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 5}}},
        ({"type": "function", "function": tool},),
    )
    back = request_of(messages_of(request.turns), tools_of(request), config_of(request))
    assert back.turns == request.turns
    assert back.sampling == request.sampling
    assert json.dumps(back.schema, sort_keys=True) == json.dumps(request.schema, sort_keys=True)
    assert back.tools == request.tools


@pytest.mark.parametrize(
    "reply",
    [
        Reply("text", finish_reason="stop", usage=Usage(3, 4)),
        Reply("", calls=(ToolCall("1", "f", '{"a":1}'),), finish_reason="stop"),
        Reply("", ReplyStatus.FAILED, "timeout"),
        Reply("", ReplyStatus.FILTERED, "content_filter"),
        Reply("", ReplyStatus.EMPTY, "empty"),
    ],
)
def test_replies_come_through_inspect_as_they_were(reply: Reply) -> None:
    assert reply_of(output_of(reply, "m")) == reply


def test_nobody_judges_where_no_judge_is_named(tmp_path: Path) -> None:
    (log,) = inspect_eval(
        TASKS["prompt-injection"](sample=True, limit=1),
        model=mock(lambda _: "yes"),
        log_dir=str(tmp_path),
        display="none",
    )
    assert log.status == "error"
    assert log.error is not None
    assert "nobody plays the judge" in log.error.message
