"""Reports and comparisons of finished evaluations, from and to files."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from tyrian.cli.exit import ExitCode
from tyrian.evals.compare import broken, compare_runs, load_limits
from tyrian.evals.report.content import Content, content_of
from tyrian.evals.report.html import as_html
from tyrian.evals.report.judges import load_labels
from tyrian.evals.report.junit import as_junit
from tyrian.evals.report.markdown import as_markdown
from tyrian.evals.run.outcome import as_json, write_whole
from tyrian.evals.run.results import finished_below

_WRITERS: dict[str, tuple[str, Callable[[Content], bytes]]] = {
    "html": (".html", lambda content: as_html(content).encode("utf-8", "replace")),
    "json": (".json", lambda content: as_json(asdict(content))),
    "markdown": (".md", lambda content: as_markdown(content).encode("utf-8", "replace")),
    "junit": (".xml", lambda content: as_junit(content).encode("utf-8", "replace")),
}


def write_reports(
    runs: Sequence[Path], output: Path, formats: Sequence[str], labels: Path | None = None
) -> list[Path]:
    """Write a file per format; a single format takes the name as it is given."""
    known = load_labels(labels) if labels else ()
    content = content_of([one for run in runs for one in finished_below(run)], labels=known)
    written = []
    for name in dict.fromkeys(formats):
        ending, write = _WRITERS[name]
        path = output if len(formats) == 1 else output.with_suffix(ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, write(content))
        written.append(path)
    return written


def compared(base: Path, tuned: Path, limits: Path | None, wants_json: bool) -> ExitCode:
    """Tell what changed; the exit code says whether it may."""
    rules = load_limits(limits) if limits else ()
    report = compare_runs(finished_below(base), finished_below(tuned))
    faults = broken(report, rules)
    if wants_json:
        found = {**asdict(report), "line": report.line(), "broken": faults}
        typer.echo(as_json(found).decode(), nl=False)
    else:
        typer.echo(report.line())
        for fault in faults:
            typer.echo(f"limit: {fault}")
    if faults:
        return ExitCode.FOUND
    return ExitCode.CLEAN if report.changes else ExitCode.NOT_CHECKED
