"""Drive a benchmark's generator: do what each step asks, and keep what was said."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tyrian.evals.benchmark import Benchmark, Dialogue, Outcome, Step
from tyrian.evals.exchange import Reply, Request
from tyrian.evals.execution import Executed, Execution
from tyrian.evals.sample import Data, Sample, Score

Ask = Callable[[Request], Awaitable[Reply]]
Execute = Callable[[Execution], Awaitable[Executed]]


@dataclass(slots=True)
class Played:
    """One case from its first question to its score."""

    answer: Data
    judgement: Data
    score: Score
    exchanges: list[tuple[Request, Reply]] = field(default_factory=list)


async def play(benchmark: Benchmark, sample: Sample, ask: Ask, execute: Execute) -> Played:
    """Ask, judge and score one case.

    A benchmark that raises on what a model wrote is at fault itself: the error goes up.
    """
    exchanges: list[tuple[Request, Reply]] = []

    async def do(step: Step) -> Outcome:
        if isinstance(step, Execution):
            return await execute(step)
        reply = await ask(step)
        exchanges.append((step, reply))
        return reply

    answer = await _driven(benchmark.turns(sample), do)
    judgement = await _driven(benchmark.judge(sample, answer), do)
    score = benchmark.score(sample, answer, judgement)
    return Played(answer, judgement, score, exchanges)


async def _driven(dialogue: Dialogue, do: Callable[[Step], Awaitable[Outcome]]) -> Data:
    try:
        step = next(dialogue)
        while True:
            step = dialogue.send(await do(step))
    except StopIteration as end:
        found: Data = end.value
        return found
    finally:
        dialogue.close()
