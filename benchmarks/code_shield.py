"""What Code Shield finds and costs, beside upstream Code Shield, foxguard and bandit, in one run.

    python benchmarks/code_shield.py [--quick] [--only findings|cost] [--no-peers]

Findings on the repository's own sets and on the shared development rows; CPU time of a snippet, of
a message, of hostile code; the time to the first scan. What the tables mean stands in
benchmarks/README.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from _code_shield_cost import dashes_rows, first_scan_ms, hostile_rows, latency_rows
from _code_shield_data import (
    Row,
    chat,
    clean,
    development_rows,
    pairs,
    shell_lines,
    snippets,
    untagged,
)
from _code_shield_findings import Tool, by_language, shares
from _code_shield_judge import Judge
from _peers import BANDIT, CODE_SHIELD, FOXGUARD, Peer, PeerUnavailableError, ensure
from _table import Cell, table, verdict

PROFILES = ("block", "warn", "audit")
DEVELOPMENT_TARGETS = {
    "all": 0.60, "python": 0.85, "c": 0.60, "cpp": 0.60, "csharp": 0.45, "java": 0.65,
    "javascript": 0.55, "php": 0.65, "rust": 0.25,
}  # fmt: skip
PEERS: tuple[tuple[str, str, Peer], ...] = (
    ("upstream", "codeshield", CODE_SHIELD),
    ("as installed", "codeshield-installed", CODE_SHIELD),
    ("foxguard", "foxguard", FOXGUARD),
    ("bandit", "bandit", BANDIT),
)
Target = tuple[str, float, float, bool]
"""What is meant, the limit, what was measured, and whether it is met."""


def _tools(keep: ExitStack, *, with_peers: bool) -> Iterator[Tool]:
    ours = keep.enter_context(Judge("tyrian", Path(sys.executable)))
    for profile in PROFILES:
        yield Tool(profile, ours, profile)
    for label, name, peer in PEERS if with_peers else ():
        try:
            judge = keep.enter_context(Judge(name, ensure(peer)))
            if not judge.judge([Row("probe", "python", "x = 1\n")]):
                raise PeerUnavailableError(f"{name} does not start; BENCH_DEBUG=1 shows why")
        except PeerUnavailableError as error:
            print(f"left out: {error}", file=sys.stderr)
        else:
            yield Tool(label, judge)


def _at_least(what: str, limit: float, value: float | None) -> Target:
    value = float("nan") if value is None else value
    return what, limit * 100, value * 100, value >= limit


def _at_most(what: str, limit: float, value: float | None) -> Target:
    value = float("nan") if value is None else value
    return what, limit * 100, value * 100, value <= limit


def _findings(tools: Sequence[Tool], step: int) -> list[Target]:
    targets: list[Target] = []
    rows = development_rows()[::step]
    if rows:
        told = by_language("Development rows: any finding, %", rows, tools)
        for language, limit in DEVELOPMENT_TARGETS.items():
            targets.append(
                _at_least(f"development rows, {language}, warn", limit, told[language, "warn"])
            )
        languages = {row.language for row in rows}
        worst = min(told[str(language), "audit"] or 0.0 for language in languages)
        targets.append(_at_least("development rows, all, audit", 0.90, told["all", "audit"]))
        targets.append(_at_least("development rows, worst language, audit", 0.80, worst))
    else:
        print("left out: the shared development rows are not here", file=sys.stderr)
    for folder, name in (("pairs", "first set"), ("pairs_later", "second set")):
        chosen = pairs(folder)[::step]
        bad, good = [pair.bad for pair in chosen], [pair.good for pair in chosen]
        told = by_language(f"Insecure fragments, {name}: found, %", bad, tools)
        found = told["all", "warn"]
        targets.append(_at_least(f"insecure fragments found, {name}, warn", 0.92, found))
        told = by_language(f"Secure twins, {name}: flagged, %", good, tools)
        flagged = told["all", "warn"]
        targets.append(_at_most(f"secure twins flagged, {name}, warn", 0.02, flagged))
    told = by_language("Clean functions: flagged, %", clean()[::step], tools)
    for profile, limit in zip(PROFILES, (0.003, 0.008, 0.025), strict=True):
        targets.append(_at_most(f"clean functions flagged, {profile}", limit, told["all", profile]))
    messages = "harmless chat messages"
    dangerous, benign = "dangerous shell one-liners", "benign shell one-liners"
    groups = {
        messages: chat()[::step],
        dangerous: shell_lines("dangerous")[::step],
        benign: shell_lines("benign")[::step],
    }
    told = shares("Messages and shell lines: flagged, %", groups, tools)
    targets.append(_at_most(f"{messages} flagged, warn", 0.01, told[messages, "warn"]))
    targets.append(_at_least(f"{dangerous} found, warn", 0.95, told[dangerous, "warn"]))
    targets.append(_at_most(f"{benign} flagged, warn", 0.02, told[benign, "warn"]))
    return targets


def _cost(tools: Sequence[Tool], *, is_quick: bool) -> list[Target]:
    rounds = 2 if is_quick else 4
    judges = [
        replace(tool, label="tyrian" if tool.label == "warn" else tool.label)
        for tool in tools
        if tool.label not in ("block", "audit", "as installed")
    ]
    head = ["CPU, ms", "rows", "p50", "p99", "worst", "mean", "its p50 / ours", "its mean / ours"]
    rows = latency_rows("snippet", snippets(), judges, rounds, sample=24 if is_quick else 72)
    print(table("650 characters, language given", head, [row.cells for row in rows]))
    known = rows[0]
    rows = latency_rows(
        "message", [*untagged(), *chat()], judges, rounds, sample=12 if is_quick else 36
    )
    print(table("Messages, language not given", head, [row.cells for row in rows]))
    message = rows[0]
    cells, worst_ms, growth = hostile_rows(tools[1].judge, is_quick=is_quick)
    head = ["100,000 characters of", "worst as", "CPU, ms", "its half, ms", "growth"]
    print(table("Hostile code and messages", head, cells))
    head = ["CPU, ms", "8,000", "16,000", "growth"]
    print(table("Dashes as Python", head, dashes_rows(judges)))
    first = first_scan_ms(5 if is_quick else 15)
    return [
        ("snippet, p50, ms", 0.5, known.p50_ms, known.p50_ms < 0.5),
        ("snippet, p99, ms", 3.0, known.p99_ms, known.p99_ms < 3.0),
        ("message without a language, p99, ms", 10.0, message.p99_ms, message.p99_ms < 10.0),
        ("hostile 100,000 characters, worst, ms", 250.0, worst_ms, worst_ms < 250.0),
        ("hostile, growth from half of it", 2.5, growth, growth <= 2.5),
        ("import and first scan beyond `import tyrian`, ms", 120.0, first, first < 120.0),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="every fourth row, fewer rounds")
    parser.add_argument("--only", choices=("findings", "cost"), help="one half of it")
    parser.add_argument("--no-peers", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Judge everything and print the tables."""
    given = _arguments()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    targets: list[Target] = []
    with ExitStack() as keep:
        tools = list(_tools(keep, with_peers=not given.no_peers))
        if given.only != "cost":
            targets += _findings(tools, 4 if given.quick else 1)
        if given.only != "findings":
            targets += _cost(tools, is_quick=given.quick)
    cells: list[list[Cell]] = [
        [what, limit, value, verdict(is_met)] for what, limit, value, is_met in targets
    ]
    print(table("Targets", ["what", "target", "measured", ""], cells))


if __name__ == "__main__":
    main()
