"""One engine asks one stub server many questions; run as a process of its own by `evals.py`.

    python benchmarks/_evals_worker.py ENGINE COUNT PORT

Prints one line of JSON: CPU seconds, wall seconds and peak memory (MB) after the imports, and the
number of answers. It imports only what its engine needs, so that it also runs where a peer lives.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AT_ONCE = 64
MODEL = "stub"
QUESTION = "Write a short text about rivers, stones, light and fields. " * 5


def questions(count: int) -> Iterator[str]:
    """Texts of about 300 characters, all different."""
    for number in range(count):
        yield f"{number}: {QUESTION}"


def tyrian(count: int, port: int) -> int:
    """Our runner with its log on disk, and the files of results and figures made from it."""
    from tyrian.evals.benchmark import Benchmark, Dialogue, Direction, Measure, Options
    from tyrian.evals.exchange import Part, Reply, ask
    from tyrian.evals.models.http import HttpLimits, HttpModel
    from tyrian.evals.prompts import OwnPrompts
    from tyrian.evals.run.log import RunLog
    from tyrian.evals.run.outcome import LOG, finish
    from tyrian.evals.run.runner import Engine, run
    from tyrian.evals.sample import Data, Sample, Score

    class Plain(Benchmark):
        name = "plain"
        title = about = "One question, one answer."
        measures = (Measure("said", "Answers", Direction.HIGHER),)

        def load(self, rows: Any) -> Iterator[Sample]:
            for number, text in enumerate(rows):
                yield Sample(f"{number:06d}", {"text": text})

        def turns(self, sample: Sample) -> Dialogue:
            reply = yield ask(str(sample.data["text"]))
            assert isinstance(reply, Reply)
            return {"text": reply.text}

        def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
            return Score({"said": float("river" in str(answer["text"]))})

    async def work() -> int:
        model = HttpModel(
            MODEL, f"http://127.0.0.1:{port}/v1", limits=HttpLimits(start=AT_ONCE, highest=AT_ONCE)
        )
        benchmark = Plain(Options(), OwnPrompts())
        with tempfile.TemporaryDirectory() as folder:
            with RunLog(Path(folder) / LOG) as log:
                engine = Engine({Part.TARGET: model}, at_once=AT_ONCE)
                await run(benchmark, benchmark.load(questions(count)), log, engine)
            summary = finish(Path(folder), benchmark)
        await model.close()
        return summary.scored

    return asyncio.run(work())


def threads(count: int, port: int) -> int:
    """A pool of threads with the openai client, answers in one list: what is written by hand."""
    from concurrent.futures import ThreadPoolExecutor

    from openai import OpenAI

    client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")

    def one(text: str) -> str:
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}]
        )
        return answer.choices[0].message.content or ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(one, questions(count)))
    Path(tempfile.mkstemp()[1]).write_text(json.dumps(found))
    return sum("river" in text for text in found)


def inspect(count: int, port: int) -> int:
    """Inspect AI, tuned for speed: no realtime log, no transcripts of the API."""
    import os

    os.environ["OPENAI_API_KEY"] = "none"
    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
    from inspect_ai import Task
    from inspect_ai import eval as run_eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate

    task = Task(
        dataset=MemoryDataset([Sample(input=q, target="river") for q in questions(count)]),
        solver=generate(),
        scorer=includes(),
    )
    with tempfile.TemporaryDirectory() as folder:
        (log,) = run_eval(
            task,
            model=f"openai/{MODEL}",
            model_args={"responses_api": False},  # chat completions, as the others ask for
            max_connections=AT_ONCE,
            max_samples=AT_ONCE,
            display="none",
            log_dir=folder,
            log_realtime=False,
            log_model_api=False,
            score_display=False,
            log_buffer=1000,
        )
    return log.results.completed_samples if log.results else 0


def main() -> None:
    """Command line."""
    engine, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = {"tyrian": tyrian, "threads": threads, "inspect": inspect}[engine]
    run(16, port)  # imports and first connections are not what is measured
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before, started = usage.ru_utime + usage.ru_stime, time.perf_counter()
    answers = run(count, port)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "answers": answers,
                "cpu_s": usage.ru_utime + usage.ru_stime - before,
                "wall_s": time.perf_counter() - started,
                "peak_mb": usage.ru_maxrss / 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
