"""AutoPatch: mend a crashing program, and be believed only after the whole ladder.

Source: AutoPatchBench (Meta, 2025). The built-in tier is small programs of ours, whose ladder runs
wherever clang and a sandbox are: build, the known crash, fuzzing, and comparison with the right
program. A patch that only silences the known crash falls at fuzzing, one that changes what worked
at the comparison. The variants `arvo`, `arvo-lite` and `arvo-samples` are the published cases: real
projects in container images, run by docker or podman.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import (
    Benchmark,
    Dataset,
    Dialogue,
    Direction,
    Measure,
    References,
)
from tyrian.evals.benchmarks.autopatch_arvo import mended
from tyrian.evals.exchange import Part, Reply, Request, Sampling, Turn
from tyrian.evals.execution import Executed
from tyrian.evals.patching.arvo import FUZZ_S
from tyrian.evals.patching.ladder import Climb, Stage, climb_of, climbed
from tyrian.evals.patching.program import UNCHANGED, Program, program_named
from tyrian.evals.prompts import OwnPrompts
from tyrian.evals.rows import text_of
from tyrian.evals.sample import Data, Sample, Score, unscored

TRIES = 3
"""Answers that a model may give in all; errors of build and crash are shown to it."""


class AutoPatch(Benchmark):
    """Twelve programs, each with a planted bug of another kind."""

    name = "autopatch"
    title = "Mending crashes"
    about = "How often the model's patch builds, mends the crash, and breaks nothing else."
    measures = (
        Measure("correct", "Patches that hold on all rungs", Direction.HIGHER),
        Measure("fuzzed", "Patches that fuzzing does not crash", Direction.HIGHER),
        Measure("mended", "Patches that mend the known crash", Direction.HIGHER),
        Measure("built", "Patches that build", Direction.HIGHER),
    )
    parts: ClassVar = frozenset({Part.TARGET})
    needs_sandbox = True
    datasets = (
        Dataset("autopatch/autopatch_bench.json", variant="arvo"),
        Dataset("autopatch/autopatch_lite.json", variant="arvo-lite"),
        Dataset("autopatch/autopatch_samples.json", variant="arvo-samples"),
    )
    references = References(cwe=("CWE-119", "CWE-416", "CWE-476", "CWE-674"))

    def load(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Sample]:
        """A case per program."""
        for number, row in enumerate(rows):
            if "value" in row:
                yield _project(row, number)
                continue
            program = program_named(text_of(row, "program", number))
            yield Sample(
                id=program.name,
                data={"program": program.name},
                slices={"language": program.language, "cwe": program.cwe},
            )

    def turns(self, sample: Sample) -> Dialogue:
        """Show program and crash; let the model answer until its patch mends the crash."""
        if "arvo" in sample.data:
            found: Data = yield from mended(
                _number(sample.data["arvo"]), last_block, self._fuzz_s()
            )
            return found
        program = program_named(str(sample.data["program"]))
        first = yield climb_of(program, program.patches[UNCHANGED])
        assert isinstance(first, Executed)
        crash = climbed(first)
        if crash is None or crash.failed is not Stage.CRASH:
            return {"status": "ok", "reason": "", "unrun": _why(first, crash)}
        turns = [Turn("user", _question(program, crash))]
        said: dict[str, object] = {"status": "ok", "reason": "", "passed": [], "tries": 0}
        for attempt in range(1, TRIES + 1):
            reply = yield Request(Part.TARGET, tuple(turns), Sampling(temperature=0.2))
            assert isinstance(reply, Reply)
            said |= {"status": reply.status.value, "reason": reply.reason, "tries": attempt}
            if not reply.is_answer:
                return said
            patch = last_block(reply.text)
            said["patch"] = patch
            if not patch:
                trouble = "There is no fenced code block in the answer."
            else:
                done = yield climb_of(program, patch)
                assert isinstance(done, Executed)
                climb = climbed(done)
                if climb is None:
                    return {**said, "unrun": _why(done, climb)}
                said |= {"passed": [stage.value for stage in climb.passed], "said": climb.said}
                if Stage.CRASH in climb.passed:
                    return said
                trouble = climb.said
            turns += [Turn("assistant", reply.text), Turn("user", _again(trouble))]
        return said

    def _fuzz_s(self) -> int:
        value = self.options.settings.get("fuzz", str(FUZZ_S))
        if not value.isdecimal() or not int(value):
            raise ConfigError(f"--set fuzz={value!r} is no number of seconds", hint="fuzz=600")
        return int(value)

    def score(self, sample: Sample, answer: Data, judgement: Data) -> Score:
        """One value per rung."""
        if "unrun" in answer:
            return unscored("not_run", str(answer["unrun"]))
        if answer["status"] != "ok":
            return unscored(str(answer["status"]), str(answer["reason"]))
        passed = answer["passed"]
        assert isinstance(passed, list)
        failed = next((stage.value for stage in Stage if stage.value not in passed), "")
        return Score(
            {
                "built": float(Stage.BUILD in passed),
                "mended": float(Stage.CRASH in passed),
                "fuzzed": float(Stage.FUZZ in passed),
                "correct": float(Stage.DIFFERENTIAL in passed),
            },
            f"fell at {failed}" if failed else "correct",
            why=f"after {answer['tries']} answers",
        )


def _project(row: Mapping[str, object], number: int) -> Sample:
    """A case of a published list, which holds numbers of ARVO alone."""
    arvo = row["value"]
    if not isinstance(arvo, int) or arvo < 1:
        raise InputError(f"row {number}: {arvo!r} is no number of an ARVO case")
    return Sample(id=f"arvo-{arvo}", data={"arvo": arvo}, slices={"tier": "arvo"})


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _question(program: Program, crash: Climb) -> str:
    form = OwnPrompts().text("autopatch", "question")
    parts = {
        "language": "C" if program.language == "c" else "C++",
        "function": program.function,
        "source": program.source(program.vulnerable),
        "crash": crash.said,
    }
    for name, value in parts.items():
        form = form.replace("{" + name + "}", value)
    return form


def _again(trouble: str) -> str:
    return OwnPrompts().text("autopatch", "again").replace("{trouble}", trouble)


def _why(done: Executed, climb: Climb | None) -> str:
    if climb is not None:
        return f"the program does not crash here: {climb.said[:300]}"
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.reason or f"clang with libFuzzer is needed: {output[-300:]}"


def last_block(text: str) -> str:
    """The last fenced block of an answer, without its tag."""
    parts = text.split("```")
    if len(parts) < 3:
        return ""
    block = parts[-2] if len(parts) % 2 else parts[-1]
    head, newline, rest = block.partition("\n")
    return (rest if newline and " " not in head.strip() else block).strip("\n")
