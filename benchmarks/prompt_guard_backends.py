"""Prompt Guard 2's exact shapes through LlamaFirewall, transformers and our backends, in one run.

    python benchmarks/prompt_guard_backends.py [--shape 22M|86M] [--rounds N] [--no-peers]

The weights are random and made on the fly: latency does not depend on them. CPU time of the whole
process per text, one thread each; the subjects take turns in each round, and a ratio is the median
of the rounds' ratios. LlamaFirewall's path is `get_jailbreak_score`: preprocess, tokenise, torch.
Ours is the whole detector: all readings of the text, windows of 128 tokens, no early exit (random
weights find nothing). LlamaFirewall and the pipeline cut a text at 512 tokens. A second table shows
how long the event loop stands still while 20 requests are judged at once:
by itself, with the time that its thread waited for a processor, and that of an idle loop in the
same minutes, which is what other processes on the machine cost.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from _event_loop import Watch
from _peers import LLAMA_FIREWALL, PeerUnavailableError, ensure
from _prompt_guard_model import SHAPES, text_of, write_model
from _table import Cell, table, verdict
from _worker import Worker, WorkerFailedError

TOKENS = (32, 128, 512)
LLAMA = "LlamaFirewall get_jailbreak_score"
TARGETS = {"torch": 3.0, "onnx int8": 4.0}
"""Least times as fast as LlamaFirewall at 32 tokens, for the shape 22M."""
EACH = 3
"""Texts of a turn; its figure is their median, so that what is cold after a turn is not counted."""
CONCURRENT = 20
STALL_LIMIT_MS = 20.0
TRIES = 7
_STACK = """
agent:
  preflight_guards:
    - name: prompt_guard_2
      backend: {backend}
      model: {model}
      timeout_s: 120
      options: {{self_test: false, threads: 1, device: cpu}}
cache: {{size: 0}}
"""

Spent = dict[tuple[str, int], list[float]]


def timings(workers: dict[str, tuple[Worker, str]], directory: Path, rounds: int) -> Spent:
    """CPU milliseconds by (subject, tokens), one per round."""
    spent: Spent = {}
    for tokens in TOKENS:
        for turn in range(-1, rounds):  # the first turn warms up
            texts = [text_of(directory, tokens, turn * EACH + n) for n in range(EACH)]
            for name, (worker, subject) in workers.items():
                took = worker.time(subject, texts, limit_s=300)
                if took is None:
                    raise WorkerFailedError(f"{name} gave no answer; BENCH_DEBUG=1 shows why")
                if turn >= 0:
                    spent.setdefault((name, tokens), []).append(median(took) / 1000)
        print(f"  {tokens} tokens done", file=sys.stderr)
    return spent


def latency_rows(spent: Spent, names: list[str]) -> Iterator[list[Cell]]:
    """A row per subject: median CPU time, and how many times as fast as LlamaFirewall."""
    for name in names:
        row: list[Cell] = [name]
        for tokens in TOKENS:
            mine = spent[name, tokens]
            shown = f"{median(mine):.1f}"
            if LLAMA in names and name != LLAMA:
                shown += f" (x{_ratio(spent, name, tokens):.1f})"
            row.append(shown)
        yield row


def _ratio(spent: Spent, name: str, tokens: int) -> float:
    pairs = zip(spent[LLAMA, tokens], spent[name, tokens], strict=True)
    return median(theirs / mine for theirs, mine in pairs)


async def _idle_ms(seconds: float) -> float:
    """The same with nothing to do: what other processes on this machine cost."""
    watch = Watch()
    await asyncio.sleep(seconds)
    await watch.close()
    return watch.longest_ms


async def _stalled(backend: str, directory: Path) -> tuple[Watch, float]:
    """How the loop stood still, and seconds until all of the requests were answered."""
    from tyrian import Firewall, Message

    file = directory.parent / f"{backend}.yaml"
    file.write_text(_STACK.format(backend=backend, model=directory))
    firewall = Firewall.from_stack(file)
    texts = [text_of(directory, 100, seed) for seed in range(CONCURRENT)]
    await firewall.scan(Message.user("warm up"))
    watch = Watch()
    began = time.perf_counter()
    decisions = await asyncio.gather(*(firewall.scan(Message.user(text)) for text in texts))
    took_s = time.perf_counter() - began
    await watch.close()
    await firewall.close()
    assert all(run.status == "ok" for decision in decisions for run in decision.runs)
    return watch, took_s


def stall_rows(directory: Path) -> Iterator[list[Cell]]:
    """A row per backend, medians of tries that take turns with an idle loop."""
    for backend in ("torch", "onnx"):
        busy: list[tuple[Watch, float]] = []
        idle: list[float] = []
        for _ in range(TRIES):
            busy.append(asyncio.run(_stalled(backend, directory)))
            idle.append(asyncio.run(_idle_ms(busy[-1][1])))
        own = median(watch.own_ms for watch, _ in busy)
        whole = median(watch.longest_ms for watch, _ in busy)
        took_s = median(seconds for _, seconds in busy)
        shown = [f"{value:.1f}" for value in (own, whole, median(idle), took_s)]
        yield [backend, *shown, verdict(own <= STALL_LIMIT_MS)]


def target_rows(spent: Spent, names: list[str]) -> Iterator[list[Cell]]:
    """The targets at 32 tokens."""
    for name, least in TARGETS.items():
        if LLAMA in names and name in names:
            ratio = _ratio(spent, name, 32)
            yield [f"{name}, 32 tokens", f"x{least:.0f}", f"x{ratio:.2f}", verdict(ratio >= least)]


def _export(directory: Path) -> str:
    """Export, int8 where it passes its gate; returns what the file is."""
    from tyrian.errors import ModelError
    from tyrian.models.transformer.export import export_onnx

    try:
        report = export_onnx(directory, int8=True)
    except ModelError as error:
        print(f"int8 refused: {error.message}", file=sys.stderr)
        report = export_onnx(directory, int8=False)
    print(
        f"exported {report.path.name}: {report.bytes >> 20} MiB "
        f"(32-bit {report.float_bytes >> 20} MiB), scores within {report.difference:.4f} of torch",
        file=sys.stderr,
    )
    return "onnx int8" if report.is_int8 else "onnx"


def latency(given: argparse.Namespace, keep: ExitStack) -> None:
    """Time every subject and print both tables of it."""
    directory = Path(os.environ["BENCH_WEIGHTS"])
    workers: dict[str, tuple[Worker, str]] = {}
    if not given.no_peers:
        try:
            theirs = keep.enter_context(Worker("llamafirewall-weights", ensure(LLAMA_FIREWALL)))
            workers[LLAMA] = (theirs, "get_jailbreak_score")
        except (PeerUnavailableError, WorkerFailedError) as error:
            print(f"left out: {error}", file=sys.stderr)
    ours = keep.enter_context(Worker("tyrian-weights", Path(sys.executable)))
    workers |= {subject: (ours, subject) for subject in ours.subjects}
    spent = timings(workers, directory, given.rounds)
    names = list(workers)
    head = [f"shape {given.shape}, CPU ms (against it)", *(f"{n} tokens" for n in TOKENS)]
    print(table("Prompt Guard backends", head, list(latency_rows(spent, names))))
    if given.shape == "22M":
        head = ["target", "least", "measured", ""]
        print(table("Targets", head, list(target_rows(spent, names))))


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=tuple(SHAPES), default="22M")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-latency", action="store_true", help="only the event loop")
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with ExitStack() as keep:
        home = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="prompt-guard-")))
        directory = home / "meta-llama--Llama-Prompt-Guard-2-86M"  # the one name it looks for
        write_model(directory, given.shape)
        onnx_name = _export(directory)
        os.environ |= {
            "HF_HOME": str(home),
            "BENCH_WEIGHTS": str(directory),
            "BENCH_ONNX": onnx_name,
        }
        if not given.no_latency:
            latency(given, keep)
        head = [
            "20 requests at once, ms",
            "loop stall",
            "with queueing",
            "idle loop",
            "all, s",
            "20 ms",
        ]
        print(table("Event loop", head, list(stall_rows(directory))))


if __name__ == "__main__":
    main()
