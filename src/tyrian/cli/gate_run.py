"""What `tyrian gate` does: look, tell, and say whether it may be shipped."""

import dataclasses
import gc
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.cli.exit import ExitCode
from tyrian.cli.plain import plain
from tyrian.cli.standard_output import StandardOutput, say, talk
from tyrian.errors import ConfigError

if TYPE_CHECKING:
    from tyrian.cli.output import ReplacedFile
    from tyrian.supply.gate.report import GateReport
    from tyrian.supply.gate.settings import Settings


class GateFormat(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    """Commands that GitHub shows beside the lines of a pull request."""


class GateLevel(StrEnum):
    """What findings lead to."""

    ENFORCE = "enforce"
    ADVISE = "advise"


def run_gate(
    paths: list[Path] | None = None,
    *,
    config: Path | None = None,
    waivers: Path | None = None,
    level: GateLevel | None = None,
    output_format: GateFormat = GateFormat.TEXT,
    output: Path | None = None,
    also: list[str] | None = None,
    baseline: Path | None = None,
    write_baseline: Path | None = None,
    key: list[Path] | None = None,
    gateway: list[str] | None = None,
    day: str = "",
    rules: bool = False,
    quiet: bool = False,
) -> ExitCode:
    """Look and tell; the exit code."""
    if rules:
        from tyrian.cli.gate_text import rule_lines

        say("\n".join(rule_lines()))
        return ExitCode.CLEAN
    further = [_further(one) for one in also or ()]
    root, only = _root(paths or [Path()])
    settings = _settings(root, config, waivers)
    settings = dataclasses.replace(
        settings,
        baseline=baseline or settings.baseline,
        keys=(*settings.keys, *(key or ())),
        gateways=(*settings.gateways, *(gateway or ())),
    )
    if level is not None:
        from tyrian.supply.gate.settings import Level

        settings = dataclasses.replace(settings, level=Level(level.value))
    if write_baseline is not None:
        _write_baseline(root, settings.exclude, only, write_baseline)
        return ExitCode.CLEAN
    with _seldom_collected():
        report = _report(root, settings, only, day)
    for form, file in further:
        _write(report, root, form, file)
    _write(report, root, output_format, output)
    if not quiet:
        from tyrian.cli.gate_text import summary

        talk("\n".join(summary(report)))
    return _code(report)


_MANY = 100_000
"""Objects made until the next look for cycles; Python's own 700 cost a tenth of a gate's time."""


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Nearly all that a gate makes it keeps to its end, so looking for garbage finds none."""
    first, *others = gc.get_threshold()
    gc.set_threshold(_MANY, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)


def _further(text: str) -> tuple[GateFormat, Path]:
    name, _, file = text.partition("=")
    if name not in list(GateFormat) or not file:
        known = ", ".join(GateFormat)
        raise ConfigError(f"--also {text!r} is no FORMAT=FILE", hint=f"formats: {known}")
    return GateFormat(name), Path(file)


def _root(paths: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
    """The directory that paths are told from, and the files to look at; none: all below it."""
    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no {plain(str(path))!r}", hint="name what is there")
    if len(paths) == 1 and paths[0].is_dir():
        return paths[0], ()
    from tyrian.supply.gate.paths import files_below

    folders = [path if path.is_dir() else path.parent for path in paths]
    here = Path.cwd()
    whole = [folder.resolve() for folder in folders]
    is_here = all(folder.is_relative_to(here) for folder in whole)
    root = Path() if is_here else Path(os.path.commonpath(whole))
    only: dict[str, None] = {}
    for path in paths:
        below = path.resolve().relative_to(root.resolve())
        names = files_below(path, ()) if path.is_dir() else ("",)
        only |= dict.fromkeys((below / name).as_posix() for name in names)
    return root, tuple(only)


def _settings(root: Path, config: Path | None, waivers: Path | None) -> "Settings":
    from tyrian.supply.gate.settings import CONFIG_NAME, Settings, read_settings, with_waivers

    own = root / CONFIG_NAME
    if config is not None:
        settings = read_settings(config, str(config))
    elif own.is_file():
        settings = read_settings(own, CONFIG_NAME)
    else:
        settings = Settings()
    if waivers is None:
        return settings
    return with_waivers(settings, read_settings(waivers, str(waivers)))


def _report(root: Path, settings: "Settings", only: tuple[str, ...], day: str) -> "GateReport":
    from tyrian.cli.gate_secrets import secret_judge
    from tyrian.supply.gate.gate import gate as judge

    try:
        today = date.fromisoformat(day) if day else datetime.now(UTC).date()
    except ValueError:
        raise ConfigError(f"--date {day!r} is no date", hint="--date 2027-01-31") from None
    return judge(root, settings, today, secret_judge(), only)


def _write_baseline(
    root: Path, exclude: tuple[str, ...], only: tuple[str, ...], path: Path
) -> None:
    from tyrian.supply.gate.config.baseline import baseline_of, encode_baseline
    from tyrian.supply.gate.contents import Contents
    from tyrian.supply.lock.write import write_whole

    contents = Contents(root, exclude, only)
    contents.read()
    made = baseline_of(contents.stacks)
    if not made.stacks:
        raise ConfigError("there is no stack file, so there is no baseline")
    write_whole(path, encode_baseline(made))
    say(str(path))


def _write(
    report: "GateReport", root: Path, output_format: GateFormat, output: Path | None
) -> None:
    target = _target(output)
    target.put(_text(report, root, output_format, is_file=output is not None))
    target.finish()


def _target(output: Path | None) -> "ReplacedFile | StandardOutput":
    if output is None:
        return StandardOutput()
    from tyrian.cli.output import ReplacedFile

    return ReplacedFile(output)


def _text(report: "GateReport", root: Path, output_format: GateFormat, *, is_file: bool) -> bytes:
    if output_format is GateFormat.JSON:
        return json.dumps(report.plain(), indent=2).encode() + b"\n"
    if output_format is GateFormat.SARIF:
        from tyrian.cli.gate_sarif import sarif_of

        return json.dumps(sarif_of(report, root), indent=2).encode() + b"\n"
    if output_format is GateFormat.JUNIT:
        from tyrian.cli.gate_junit import junit_of

        return junit_of(report)
    if output_format is GateFormat.GITHUB:
        from tyrian.cli.gate_text import github_lines

        return "".join(f"{line}\n" for line in github_lines(report, root)).encode()
    from tyrian.cli.gate_text import lines

    told = "".join(f"{line}\n" for line in lines(report, root, is_coloured=not is_file))
    return told.encode("utf-8", "replace")


def _code(report: "GateReport") -> ExitCode:
    from tyrian.supply.gate.report import Verdict

    if report.verdict is Verdict.REFUSE:
        return ExitCode.FOUND
    is_whole = report.verdict is Verdict.PASS and report.counts.files
    return ExitCode.CLEAN if is_whole else ExitCode.NOT_CHECKED
