"""From paths to files, and from files to what was found in them, on all cores and in order."""

import multiprocessing
import os
import signal
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tyrian.cli.code_git import Ranges, files_of
from tyrian.cli.code_judge import Judge, JudgeOptions, Mark
from tyrian.cli.code_language import tag_of_name, tag_of_start
from tyrian.detectors.code_shield.budget import Budget
from tyrian.errors import InputError

_MOST_BYTES = 16 << 20
"""What is read of one file."""
_HEAD = 8192
_ENOUGH_FOR_A_POOL = 1 << 20
"""Bytes of code under which starting processes costs more than it saves."""
_SKIPPED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache"}
)
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True, slots=True)
class Task:
    """One file to judge."""

    path: Path
    tag: str | None
    """Its language; None where only its text can tell."""
    size: int = 0
    lines: Ranges | None = None
    """Only findings on these lines count; None: on all."""
    error: str = ""
    """Why it cannot be read, where that is known already."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file, or why it could not be judged as a whole."""

    path: Path
    marks: tuple[Mark, ...] = ()
    error: str = ""
    size: int = 0


def tasks_of(
    paths: Iterable[Path], tag: str | None, changed: Mapping[Path, Ranges] | None = None
) -> list[Task]:
    """The files to judge, each once; those in directories only where they are code."""
    tasks: dict[Path, Task] = {}
    for path in paths:
        alone = Task(path, tag_of_name(path), _size(path))
        for task in _in_folder(path) if os.path.isdir(path) else [alone]:
            lines = None
            if changed is not None and os.path.exists(task.path):
                lines = changed.get(task.path.resolve(), ())
            if lines is None or lines:
                tasks.setdefault(task.path, replace(task, tag=tag or task.tag, lines=lines))
    return list(tasks.values())


def _in_folder(folder: Path) -> Iterator[Task]:
    listed = files_of(folder)
    for path in _walk(folder) if listed is None else listed:
        try:
            found = path.lstat()
        except FileNotFoundError:  # git still has it, the directory does not
            continue
        except OSError as error:
            yield Task(path, None, error=error.strerror or "cannot be read")
            continue
        if stat.S_ISDIR(found.st_mode):  # a submodule, or a repository inside this one
            if path.resolve() != folder.resolve():
                yield from _in_folder(path)
        elif stat.S_ISREG(found.st_mode):
            tag = tag_of_name(path) or (None if path.suffix else _tag_of_content(path))
            if tag:
                yield Task(path, tag, found.st_size)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file of a tree; a folder that cannot be listed is an error of the whole scan."""

    def fail(error: OSError) -> None:
        name = str(error.filename)
        raise InputError(f"the directory {name!r} cannot be read: {error.strerror}")

    for base, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        yield from (Path(base, name) for name in sorted(names))


def _tag_of_content(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return tag_of_start(stream.read(128))
    except OSError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def judge_file(judge: Judge, task: Task) -> FileReport:
    """Read and judge one file; what goes wrong with it is told in the report."""
    if task.error:
        return FileReport(task.path, error=task.error)
    try:
        with task.path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        return FileReport(task.path, error=error.strerror or "cannot be read", size=task.size)
    if len(data) > _MOST_BYTES:
        return FileReport(task.path, error="longer than 16 MiB", size=task.size)
    text = text_of(data)
    if text is None:
        return FileReport(task.path, error="not a text", size=task.size)
    tag = task.tag or tag_of_start(data[:128])
    judged = judge.text(text, tag, file_budget(), is_file=True)
    marks = judged.marks
    if task.lines is not None:
        marks = tuple(mark for mark in marks if _is_on(mark, task.lines))
    return FileReport(task.path, marks, partly(judged.coverage), task.size)


def partly(coverage: float) -> str:
    """What to tell where a text was not read as a whole; empty where it was."""
    return "" if coverage >= 1.0 else f"only {coverage:.0%} of it could be judged"


def file_budget() -> Budget:
    """What one file may cost: far more than a message, which somebody waits for."""
    return Budget(work=10_000_000, time_s=20.0, size=_MOST_BYTES, most_functions=100_000).start()


def text_of(data: bytes) -> str | None:
    """The text in a file's bytes; None for a binary file."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return None if b"\0" in data[:_HEAD] else data.decode("utf-8", "replace")


def _is_on(mark: Mark, lines: Ranges) -> bool:
    return any(first <= mark.end_line and mark.line <= last for first, last in lines)


def reports_of(
    tasks: Sequence[Task], options: JudgeOptions, jobs: int | None = None
) -> Iterator[FileReport]:
    """The report of each file, in order; with several processes where there is enough to do."""
    judge = Judge(options)
    cores = jobs or _cores()
    if cores == 1 or len(tasks) == 1 or sum(t.size for t in tasks) < _ENOUGH_FOR_A_POOL:
        yield from (judge_file(judge, task) for task in tasks)
        return
    pool = ProcessPoolExecutor(
        min(cores, len(tasks)),
        multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(options,),
    )
    try:
        yield from pool.map(
            _judge_in_process, tasks, chunksize=max(1, min(16, len(tasks) // (8 * cores)))
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_judges: list[Judge] = []
"""The judge of this worker process, made when it starts."""


def _start(options: JudgeOptions) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends it without a word
    _judges.append(Judge(options))


def _judge_in_process(task: Task) -> FileReport:
    return judge_file(_judges[0], task)
