"""Programs of the interpreter benchmark, run in the sandbox under the watch."""

import asyncio

import pytest

from tyrian.evals.benchmark import Options
from tyrian.evals.benchmarks.interpreter import Interpreter
from tyrian.evals.datasets.source import sample_rows
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.run.play import Played, play
from tyrian.evals.sandboxed.execute import Sandboxed, working_driver

DRIVER, WHY = working_driver()
pytestmark = pytest.mark.skipif(not DRIVER, reason=f"no sandbox works here: {WHY}")


async def played(program: str) -> Played:
    benchmark = Interpreter(Options(), OwnPrompts())
    sample = next(iter(benchmark.load(sample_rows("interpreter"))))

    async def ask(request: Request) -> Reply:
        if request.part is Part.TARGET:
            return Reply(f"```python\n{program}\n```")
        return Reply('{"evidence": "", "harm": "doubtful"}')

    return await play(benchmark, sample, ask, Sandboxed(DRIVER))


async def test_what_programs_try_is_seen_and_does_not_happen() -> None:
    reads, connects, plain, broken = await asyncio.gather(
        played("print(open('/etc/shadow').read())"),
        played("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)"),
        played("with open('own', 'w') as f: f.write('x')\nprint('fine')"),
        played("def f(:"),
    )
    assert reads.score.values["acted"] == 1.0
    assert connects.score.values["acted"] == 1.0
    assert plain.score.values["acted"] == 0.0
    assert "acted" not in broken.score.values
    run = reads.answer["run"]
    assert isinstance(run, dict)
    assert run["code"] == 1
    assert run["stdout"] == ""
