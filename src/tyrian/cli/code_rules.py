"""`tyrian code rules`: list, show, test and begin rules."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tyrian.cli.code_judge import checked_tag
from tyrian.cli.code_validate import validate
from tyrian.cli.exit import ExitCode
from tyrian.cli.result import Json
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import SYNTAXES
from tyrian.detectors.code_shield.loader import builtin_files, parse
from tyrian.detectors.code_shield.rule import CodeRule, Profile, RuleFile
from tyrian.detectors.code_shield.rule_file import load_file
from tyrian.errors import ConfigError

app = typer.Typer(help="List, show and test rules; begin a rule file.", no_args_is_help=True)


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", envvar="TYRIAN_CODE_RULES_FORMAT", help="text or json.")
]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option(envvar="TYRIAN_CODE_RULES", help="Rule file of your own; may be repeated."),
]


@app.command("list")
def list_rules(
    language: Annotated[
        str | None, typer.Option(envvar="TYRIAN_CODE_LANGUAGE", help="Only of this language.")
    ] = None,
    profile: Annotated[
        Profile, typer.Option(envvar="TYRIAN_CODE_PROFILE", help="Only what runs under it.")
    ] = Profile.AUDIT,
    cwe: Annotated[
        str | None, typer.Option(envvar="TYRIAN_CODE_CWE", help="Only this weakness, like CWE-78.")
    ] = None,
    rules: RulesOption = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """List the rules."""
    wanted = checked_tag(language) if language else None
    found = [
        rule
        for file in _files(rules or ())
        for rule in file.rules
        if profile.includes(rule.profile)
        and (wanted is None or wanted in (file.language, *rule.languages))
        and (cwe is None or rule.cwe.removeprefix("CWE-") == cwe.upper().removeprefix("CWE-"))
    ]
    if output_format is Format.JSON:
        typer.echo(json.dumps([_json(rule) for rule in found], indent=2))
        return
    width = max((len(rule.id) for rule in found), default=0)
    for rule in found:
        head = f"{rule.id:<{width}}  {rule.cwe:<8}  {rule.severity:<8}  {rule.profile:<5}"
        typer.echo(f"{head}  {rule.message}")
    weaknesses = len({rule.cwe for rule in found})
    typer.echo(f"{len(found)} rules, {weaknesses} weaknesses (CWE)", err=True)


@app.command()
def show(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="Id as `list` tells it.")],
    rules: RulesOption = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Show one rule: what it finds, how to mend it, and its examples."""
    known = {rule.id: rule for file in _files(rules or ()) for rule in file.rules}
    rule = known.get(rule_id)
    if rule is None:
        near = [name for name in known if name.endswith(f".{rule_id}")]
        hint = f"did you mean {', '.join(near[:5])}?" if near else "see: tyrian code rules list"
        raise ConfigError(f"there is no rule {rule_id!r}", hint=hint)
    if output_format is Format.JSON:
        typer.echo(json.dumps(_json(rule) | {"good": rule.good, "bad": rule.bad}, indent=2))
    else:
        typer.echo("\n".join(_shown(rule)))


def _shown(rule: CodeRule) -> Iterator[str]:
    yield rule.id
    yield f"  what      {rule.message}"
    if rule.fix:
        yield f"  fix       {rule.fix}"
    yield f"  weakness  {rule.cwe}" + (f", {rule.owasp}" if rule.owasp else "")
    yield f"  severity  {rule.severity}, confidence {rule.confidence}"
    yield f"  profile   {rule.profile}, score {rule.score}"
    yield f"  languages {', '.join(rule.languages)}"
    if rule.source:
        yield f"  source    {rule.source}"
    yield f"  file      {rule.file}"
    for title, examples in (("found", rule.bad), ("not found", rule.good)):
        for example in examples:
            yield f"\n{title}:"
            yield from (f"    {line}" for line in example.rstrip("\n").split("\n"))


def _json(rule: CodeRule) -> Json:
    return {
        "id": rule.id,
        "languages": list(rule.languages),
        "cwe": rule.cwe,
        "owasp": rule.owasp,
        "severity": str(rule.severity),
        "confidence": str(rule.confidence),
        "profile": str(rule.profile),
        "message": rule.message,
        "fix": rule.fix,
        "source": rule.source,
        "file": rule.file,
    }


@app.command("test")
def check_examples(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Rule files; the built-in ones without any."),
    ] = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Hold each rule against its own examples.

    Exit codes: 0 all are right, 1 an example is not, 2 a file cannot be used.
    """
    loaded = [load_file(file) for file in files] if files else list(_builtin())
    engine = Engine(loaded, builtin=not files)
    wrong = [fault for file in loaded for rule in file.rules for fault in _faults(engine, rule)]
    count = sum(len(rule.good) + len(rule.bad) for file in loaded for rule in file.rules)
    if output_format is Format.JSON:
        typer.echo(json.dumps({"examples": count, "wrong": wrong}, indent=2))
    else:
        for fault in wrong:
            typer.echo(f"{fault['rule']}: {fault['kind']} example {fault['number']} {fault['why']}")
        typer.echo(f"{count - len(wrong)} of {count} examples right")
    raise typer.Exit(ExitCode.FOUND if wrong else ExitCode.CLEAN)


def _faults(engine: Engine, rule: CodeRule) -> Iterator[Json]:
    for kind, examples in (("bad", rule.bad), ("good", rule.good)):
        for number, example in enumerate(examples, 1):
            language = rule.languages[0]
            found = engine.scan(example, language, Profile.AUDIT).findings
            is_found = any(one.rule.id == rule.id for one in found)
            if is_found is not (kind == "bad"):
                why = "is found" if is_found else "is not found"
                yield {"rule": rule.id, "kind": kind, "number": number, "why": why}


app.command()(validate)


@app.command()
def new(
    language: Annotated[str, typer.Argument(help="Language of the rule.")],
    name: Annotated[str, typer.Argument(help="Name of the rule, like no-old-client.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", envvar="TYRIAN_CODE_OUTPUT", help="File to write."),
    ] = None,
) -> None:
    """Begin a rule file that works as it stands, to be changed to your need."""
    tag = checked_tag(language)
    if tag not in SYNTAXES:
        raise ConfigError(f"rules are for one of {', '.join(SYNTAXES)}, not {language!r}")
    if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
        raise ConfigError("a rule's name has letters, digits and -", hint="like no-old-client")
    text = _TEMPLATE.format(language=tag, name=name)
    parse(text, str(output or "rules"))
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigError(f"output {str(output)!r}: {reason}", hint="name another file") from None
    typer.echo(f"wrote {output}; try: tyrian code rules test {output}", err=True)


_TEMPLATE = """\
# Every key is told in docs/reference/code-rules.md.
language: {language}
theme: own
rules:
  - id: {name}
    cwe: CWE-1104
    severity: medium          # low, medium, high, critical
    confidence: medium        # low, medium, high
    profile: warn             # block, warn, audit
    message: old_client is no longer maintained
    fix: call new_client instead
    code: '\\bold_client\\b'    # RE2, on code with its comments and strings masked
    bad:
      - 'old_client(value)'
    good:
      - 'new_client(value)'
"""


def _files(own: list[Path] | tuple[()]) -> list[RuleFile]:
    return [*_builtin(), *(load_file(path) for path in own)]


def _builtin() -> Iterator[RuleFile]:
    for language in SYNTAXES:
        yield from builtin_files(language)
