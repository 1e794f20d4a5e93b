"""Known patches of small programs fall from the ladder just where they should."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tyrian.evals.benchmark import Options
from tyrian.evals.benchmarks.autopatch import AutoPatch, last_block
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.patching.ladder import Stage, climb_of, climbed
from tyrian.evals.patching.program import BROKEN, UNCHANGED, program_named, program_names
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.run.log import RunLog, records
from tyrian.evals.run.runner import Engine, run
from tyrian.evals.sandboxed.execute import Sandboxed, working_driver

DRIVER, WHY = working_driver()
HAS_CLANG = shutil.which("clang") is not None
on_the_ladder = pytest.mark.skipif(
    not (DRIVER and HAS_CLANG), reason=f"needs clang (apt-get install clang) and a sandbox: {WHY}"
)
FALLS: Mapping[str, Stage | None] = {
    "fixed": None,
    BROKEN: Stage.BUILD,
    UNCHANGED: Stage.CRASH,
    "narrow": Stage.FUZZ,
    "wrong": Stage.DIFFERENTIAL,
}


@on_the_ladder
@pytest.mark.parametrize("name", program_names())
@pytest.mark.parametrize("patch", FALLS)
async def test_each_known_patch_falls_where_it_should(name: str, patch: str) -> None:
    program = program_named(name)
    climb = climbed(await Sandboxed(DRIVER)(climb_of(program, program.patches[patch])))
    assert climb is not None
    assert climb.failed is FALLS[patch], climb.said


class Mender:
    """Answers first with one patch, then with another."""

    name = identity = "mender"

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds
        self.asked: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        """The next patch for the program in the question."""
        question = request.turns[0].text
        program = next(p for p in map(program_named, program_names()) if p.vulnerable in question)
        kind = self._kinds[sum(turn.role == "assistant" for turn in request.turns)]
        self.asked.append(request)
        return Reply(f"The cause is clear.\n\n```c\n{program.patches[kind]}\n```\n")

    async def close(self) -> None:
        """Nothing to let go of."""


@on_the_ladder
async def test_errors_are_shown_and_the_next_answer_counts(tmp_path: Path) -> None:
    benchmark = AutoPatch(Options(), OwnPrompts())
    samples = [s for s in benchmark.load(sample_rows("autopatch")) if s.id in ("days", "table")]
    model = Mender(BROKEN, UNCHANGED, "fixed")
    engine = Engine({Part.TARGET: model}, execute=Sandboxed(DRIVER), at_once=2)
    with RunLog(tmp_path / "log.jsonl") as log:
        await run(benchmark, samples, log, engine)
    found = list(records(tmp_path / "log.jsonl"))
    assert [record.values["correct"] for record in found] == [1.0, 1.0]
    assert len(model.asked) == 6
    last = max(model.asked, key=lambda request: len(request.turns))
    assert "error:" in last.turns[2].text
    assert "Sanitizer" in last.turns[4].text or "runtime error" in last.turns[4].text


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("```c\nint f;\n```", "int f;"),
        ("a\n```\nx\n```\nb\n```cpp\ny\nz\n```\n", "y\nz"),
        ("no code", ""),
        ("```c\nunclosed\n", ""),
    ],
)
def test_the_last_block_is_the_patch(text: str, block: str) -> None:
    assert last_block(text) == block


def test_there_is_a_tier_of_twelve_of_both_languages() -> None:
    programs = [program_named(name) for name in program_names()]
    assert len(programs) >= 12
    assert {program.language for program in programs} == {"c", "cpp"}
    assert len({program.cwe for program in programs}) == len(programs)
