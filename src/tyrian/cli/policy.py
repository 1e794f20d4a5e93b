"""`tyrian policy`: check calls, run a policy's cases, explain a decision, lint, and the schema."""

import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.table import Table

from tyrian.cli.ask import NOBODY, answered, is_somebody_there
from tyrian.cli.exit import ExitCode
from tyrian.cli.policy_trace import FormatIn, answers, are_rows, read_all, traces_of
from tyrian.cli.rows import Line, LineSplitter
from tyrian.cli.source import STANDARD_INPUT, opened, read
from tyrian.core.decision import Effect
from tyrian.errors import ConfigError, InputError, PolicyError
from tyrian.policy.case import CaseResult, cases_beside, run_cases
from tyrian.policy.explain import explained
from tyrian.policy.flow import TraceState
from tyrian.policy.json_schema import policy_json_schema
from tyrian.policy.learn.draft import learn as learn_draft
from tyrian.policy.lint import LintFinding
from tyrian.policy.lint import lint as lint_policy
from tyrian.policy.load import policy_and_source, read_text
from tyrian.policy.refusal import Refusal
from tyrian.policy.row import RowAnswer, Settle, judge_line, row_of
from tyrian.policy.strict_json import read_object
from tyrian.policy.tool import ToolPolicy, load_policy

app = typer.Typer(help="Judge tool calls; test, lint and draft policies.", no_args_is_help=True)

MAX_ROW_BYTES = 32 * 1024 * 1024


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"


PolicyOption = Annotated[
    Path, typer.Option("--policy", "-p", envvar="TYRIAN_POLICY", help="The policy file.")
]


@app.command()
def check(
    source: Annotated[
        str, typer.Argument(metavar="CALLS.jsonl|-", help="Calls to judge; - is standard input.")
    ],
    policy: PolicyOption,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace", help="A recorded trace, or rows that are the calls of one, in their order."
        ),
    ] = False,
    form: Annotated[
        FormatIn,
        typer.Option("--format-in", help="Format of a recorded trace; by its shape if left out."),
    ] = FormatIn.AUTO,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask you, at the terminal, about what needs a person.")
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="jsonl or text.")
    ] = Format.JSONL,
) -> None:
    """Judge rows {"id", "tool", "args" | "raw_args", "world"?} and write a decision for each.

    With --trace, also traces as OpenTelemetry, OpenAI, Anthropic, LangChain and Inspect write them.
    Exit codes: 0 all allowed, 1 a call was refused, flagged or needs a person, 3 a row could not
    be read (it is refused as well).
    """
    _only(output, Format.JSONL, Format.TEXT)
    if form is not FormatIn.AUTO and not trace:
        raise ConfigError("--format-in is about recorded traces", hint="add --trace")
    if ask and (source == STANDARD_INPUT or not is_somebody_there()):
        raise ConfigError(f"--ask: {NOBODY}", hint="name a file of calls, and run it in a terminal")
    loaded = load_policy(policy)
    code = ExitCode.CLEAN
    settle = partial(answered, policy=loaded.digest) if ask else None
    with _answered(loaded, source, trace, form, settle) as found:
        for answer in found:
            _write(answer, output)
            if answer.error:
                code = ExitCode.NOT_CHECKED
            elif answer.effect is not Effect.ALLOW and code is ExitCode.CLEAN:
                code = ExitCode.FOUND
    raise typer.Exit(code)


@contextmanager
def _answered(
    policy: ToolPolicy, source: str, is_trace: bool, form: FormatIn, settle: Settle | None
) -> Iterator[Iterator[RowAnswer]]:
    if not is_trace:
        with opened(source) as stream:
            yield _answers(policy, stream, None, settle)
        return
    data = read_all(source)
    if are_rows(data, form):
        yield _answers(policy, io.BytesIO(data), policy.start_trace(), settle)
    else:
        found = answers(policy, data, form)
        yield map(settle, found) if settle else found


def _answers(
    policy: ToolPolicy, stream: BinaryIO, state: TraceState | None, settle: Settle | None
) -> Iterator[RowAnswer]:
    splitter = LineSplitter(MAX_ROW_BYTES)
    for line in _lines(splitter, stream):
        yield judge_line(policy, line.data or b"", line.number, state, settle)


def _lines(splitter: LineSplitter, stream: BinaryIO) -> Iterator[Line]:
    while chunk := read(stream):
        yield from splitter.feed(chunk)
    yield from splitter.close()


def _write(answer: RowAnswer, output: Format) -> None:
    if output is Format.JSONL:
        typer.echo(json.dumps(answer.data))
        return
    data = answer.data
    typer.echo(f"{data['id']}: {data['effect']} [{data['rule']}] {data['reason']}")


@app.command("test")
def check_cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files.")],
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="text or json.")
    ] = Format.TEXT,
) -> None:
    """Run the cases of policies, from the key `cases` and from NAME.cases.yaml beside them.

    Exit codes: 0 all are right, 1 a case is not, 2 a file cannot be used or has no cases.
    """
    _only(output, Format.TEXT, Format.JSON)
    found: list[tuple[Path, CaseResult]] = []
    for file in files:
        policy = load_policy(file)
        cases = cases_beside(file, policy)
        if not cases:
            raise PolicyError("no cases", file=str(file), hint="add `cases:` to the policy")
        found += [(file, result) for result in run_cases(policy, cases)]
    wrong = [result for _, result in found if not result.is_right]
    if output is Format.JSON:
        typer.echo(json.dumps([_case_json(file, result) for file, result in found], indent=2))
    else:
        _table_of(found)
        typer.echo(f"{len(found) - len(wrong)} of {len(found)} cases right")
    raise typer.Exit(ExitCode.FOUND if wrong else ExitCode.CLEAN)


def _case_json(file: Path, result: CaseResult) -> dict[str, Any]:
    return {
        "file": str(file),
        "id": result.name,
        "ok": result.is_right,
        "expected": result.case.expect,
        "found": result.found,
        "rule": result.decision.rule,
        "reason": result.decision.reason,
        "why": result.case.why,
    }


def _table_of(found: list[tuple[Path, CaseResult]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "case", "expected", "found", "rule", "why"):
        table.add_column(heading, overflow="fold")
    for _, result in found:
        mark = "ok" if result.is_right else "WRONG"
        case = result.case
        cells = (mark, result.name, case.expect, result.found, result.decision.rule, case.why)
        table.add_row(*map(_plain, cells))
    Console(file=sys.stdout, markup=False, highlight=False, soft_wrap=False).print(table)


def _plain(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="The policy file.")],
    call: Annotated[
        str, typer.Argument(metavar="CALL", help='{"tool", "args", "world"?} as JSON; - reads it.')
    ],
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="text or json.")
    ] = Format.TEXT,
) -> None:
    """Tell which rule decides on a call, on which canonical value, and what would change it.

    Exit codes: 0 allowed, 1 refused, flagged or for a person, 3 the call cannot be read.
    """
    _only(output, Format.TEXT, Format.JSON)
    policy = load_policy(file)
    text = sys.stdin.buffer.read() if call == STANDARD_INPUT else call.encode("utf-8", "replace")
    try:
        row = row_of(read_object(text))
    except Refusal as refusal:
        raise InputError(f"the call cannot be read: {refusal.reason}") from None
    decision = policy.decide(row.call, world=row.world)
    if output is Format.JSON:
        facts = {name: dict(known) for name, known in decision.facts.items()}
        verdicts = [
            {**dataclasses.asdict(verdict), "effect": str(verdict.effect)}
            for verdict in decision.verdicts
        ]
        typer.echo(json.dumps({**decision.as_json(), "facts": facts, "verdicts": verdicts}))
    else:
        typer.echo(explained(policy, row.call, decision))
    raise typer.Exit(ExitCode.CLEAN if decision.effect is Effect.ALLOW else ExitCode.FOUND)


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(help="The policy file.")],
    output: Annotated[
        Format, typer.Option("--format", envvar="TYRIAN_FORMAT", help="text, json, jsonl, sarif.")
    ] = Format.TEXT,
) -> None:
    """Find what is wider than it looks, dead, or shadowed by something else.

    Exit codes: 0 nothing found, 1 something found, 2 the file cannot be used at all.
    """
    found = policy_and_source(read_text(file), str(file))
    if isinstance(found, list):
        for fault in found:
            typer.echo(str(fault), err=True)
        raise typer.Exit(ExitCode.USAGE)
    findings = lint_policy(*found)
    if output is Format.TEXT:
        _tell_findings(file, findings)
    elif output is Format.JSONL:
        for finding in findings:
            typer.echo(json.dumps(dataclasses.asdict(finding)))
    elif output is Format.JSON:
        typer.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        typer.echo(json.dumps(_sarif(findings), indent=2))
    raise typer.Exit(ExitCode.FOUND if findings else ExitCode.CLEAN)


def _tell_findings(file: Path, findings: list[LintFinding]) -> None:
    for finding in findings:
        place = f"{finding.file}:{finding.line}:{finding.column}"
        typer.echo(f"{place}: {finding.severity}: {finding.message} [{finding.rule}]")
        if finding.hint:
            typer.echo(f"  hint: {finding.hint}")
    count = len(findings)
    typer.echo(f"{file}: {count or 'no'} finding{'s' * (count != 1)}", err=True)


def _sarif(findings: list[LintFinding]) -> dict[str, Any]:
    results = [
        {
            "ruleId": finding.rule,
            "level": finding.severity,
            "message": {"text": finding.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.file},
                        "region": {"startLine": finding.line, "startColumn": finding.column},
                    }
                }
            ],
        }
        for finding in findings
    ]
    rules = [{"id": rule} for rule in sorted({finding.rule for finding in findings})]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": {"name": "tyrian policy lint", "rules": rules}}, "results": results}
        ],
    }


@app.command("learn")
def draft(
    traces: Annotated[
        list[str], typer.Argument(metavar="TRACES...", help="Recorded traces; - reads one.")
    ],
    form: Annotated[
        FormatIn, typer.Option("--format-in", help="Format; by its shape if left out.")
    ] = FormatIn.AUTO,
    cwd: Annotated[
        Path | None,
        typer.Option(help="Where relative paths start.", show_default="the directory you are in"),
    ] = None,
) -> None:
    """Draft the narrowest policy that allows what recorded traces did; nothing applies it.

    Exit codes: 0 the draft allows every call, 1 it refuses some, told on standard error, 3 a trace
    cannot be read.
    """
    found = learn_draft(traces_of(traces, form), str((cwd or Path.cwd()).absolute()))
    typer.echo(found.text, nl=False)
    for one in found.refused:
        why = f"{one.decision.rule}: {one.decision.reason}"
        typer.echo(f"trace {_plain(one.trace)}, message {one.message}: {why}", err=True)
    if not found.calls:
        typer.echo("no tool call in any of the traces", err=True)
    raise typer.Exit(ExitCode.FOUND if found.refused else ExitCode.CLEAN)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the policy file, for editors."""
    typer.echo(json.dumps(policy_json_schema(), indent=2))


def _only(given: Format, *known: Format) -> None:
    if given not in known:
        names = ", ".join(known)
        raise ConfigError(f"this command does not write {given}", hint=f"known: {names}")
