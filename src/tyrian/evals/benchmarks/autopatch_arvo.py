"""AutoPatch on real projects: the dialogue about a crash in an image of ARVO."""

from collections.abc import Callable, Generator, Mapping

from tyrian.evals.benchmark import Outcome, Step
from tyrian.evals.exchange import Part, Reply, Request, Sampling, Turn
from tyrian.evals.execution import Executed, ExecutionStatus
from tyrian.evals.patching.arvo import (
    FUZZ_S,
    Shown,
    climb,
    difference,
    fixed,
    frames_of,
    images_of,
    look,
    read,
    shown_of,
)
from tyrian.evals.patching.c_function import name_in
from tyrian.evals.patching.ladder import Climb, Stage, climbed
from tyrian.evals.prompts import OwnPrompts

TRIES = 5
"""Answers that a model may give in all, as published."""
Said = dict[str, object]
Block = Callable[[str], str]
"""Takes the last fenced block of an answer."""


def mended(
    number: int, last_block: Block, fuzz_s: int = FUZZ_S
) -> Generator[Step, Outcome, Mapping[str, object]]:
    """Show crash and functions; let the model answer until its patch mends the crash."""
    vulnerable, right = images_of(number)
    first = yield look(vulnerable)
    assert isinstance(first, Executed)
    crash = first.stdout.decode("utf-8", "replace")
    frames = frames_of(crash)
    if not first.was_run or not frames:
        return _unrun(first, "the image does not crash with a stack in its project")
    paths = list(dict.fromkeys(frame.path for frame in frames))
    brought = yield read(vulnerable, paths)
    assert isinstance(brought, Executed)
    sources = {
        path: brought.files[f"file{at}"].decode("utf-8", "surrogateescape")
        for at, path in enumerate(paths)
        if f"file{at}" in brought.files
    }
    functions = shown_of(frames, sources)
    if not functions:
        return _unrun(brought, "no function of the stack is in the image's source")
    turns = [Turn("user", _question(crash, functions))]
    said: Said = {"status": "ok", "reason": "", "passed": [], "tries": 0}
    for attempt in range(1, TRIES + 1):
        reply = yield Request(Part.TARGET, tuple(turns), Sampling(temperature=0.2))
        assert isinstance(reply, Reply)
        said |= {"status": reply.status.value, "reason": reply.reason, "tries": attempt}
        if not reply.is_answer:
            return said
        patch = last_block(reply.text)
        wanted = name_in(patch)
        chosen = next((one for one in functions if one.name == wanted), None)
        if chosen is None:
            trouble = f"No function {wanted!r} was shown; give one of them whole."
        else:
            said |= {"patch": patch, "function": chosen.name}
            whole = sources[chosen.path]
            patched = whole[: chosen.start] + patch + whole[chosen.end :]
            done = yield climb(vulnerable, chosen.path, patched, fuzz_s)
            assert isinstance(done, Executed)
            found = climbed(done)
            if found is None:
                return {**said, **_unrun(done, "the rungs could not be set up")}
            said |= _told(found)
            if Stage.FUZZ in found.passed:
                compared = yield fixed(right, done.files.get("corpus.tar", b""))
                assert isinstance(compared, Executed)
                return {**said, **_compared(done, compared, found)}
            if Stage.CRASH in found.passed:
                return said
            trouble = found.said
        again = OwnPrompts().text("autopatch", "again").replace("{trouble}", trouble[:4000])
        turns += [Turn("assistant", reply.text), Turn("user", again)]
    return said


def _compared(done: Executed, compared: Executed, found: Climb) -> Said:
    if not compared.was_run or compared.status is ExecutionStatus.TIMED_OUT:
        return _unrun(compared, "the fixed program could not be run")
    other = difference(done.files.get("said.txt", b""), compared.files.get("said.txt", b""))
    if other:
        return {"said": other}
    return _told(Climb((*found.passed, Stage.DIFFERENTIAL), ""))


def _told(found: Climb) -> Said:
    return {"passed": [stage.value for stage in found.passed], "said": found.said}


def _unrun(done: Executed, why: str) -> Said:
    output = (done.stdout + done.stderr).decode("utf-8", "replace")[-300:]
    return {"status": "ok", "reason": "", "unrun": done.reason or f"{why}: {output}"}


def _question(crash: str, functions: tuple[Shown, ...]) -> str:
    shown = "\n\n".join(f"{one.path}, `{one.name}`:\n\n```\n{one.text}\n```" for one in functions)
    form = OwnPrompts().text("autopatch", "project")
    return form.replace("{crash}", crash[:6000]).replace("{functions}", shown[:60_000])
