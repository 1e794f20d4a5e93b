"""How much of what Semgrep finds with a folder of its rules Code Shield finds with the same rules.

    python benchmarks/semgrep_rules.py RULES CODE

RULES is a folder of rule files, CODE one of source files; both stay where they are. Semgrep is
installed into `.venv-peers/` on first use.
"""

import argparse
import json
import subprocess
import time
from collections import Counter
from pathlib import Path

from _peers import SEMGREP, ensure
from tyrian.detectors.code_shield.engine import Engine
from tyrian.detectors.code_shield.languages import language_of_tag
from tyrian.detectors.code_shield.rule import CodeRule, Profile, RuleFile
from tyrian.detectors.code_shield.rule_file import verdicts_in
from tyrian.detectors.code_shield.verdict import Status

Place = tuple[str, str, int]
"""File, rule, line."""


def loaded(folder: Path) -> tuple[list[CodeRule], Counter[Status]]:
    """The rules that can be used, and how many of each verdict there are."""
    rules: list[CodeRule] = []
    counts: Counter[Status] = Counter()
    for file in sorted(folder.rglob("*.y*ml")):
        for verdict in verdicts_in(file):
            counts[verdict.status] += 1
            if verdict.rule is not None:
                rules.append(verdict.rule)
    return rules, counts


def found_by_us(rules: list[CodeRule], files: list[Path]) -> tuple[set[Place], list[float]]:
    """What we find, and the processor time of each file in seconds."""
    engine = Engine([RuleFile("semgrep", "semgrep", tuple(rules))], builtin=False)
    found: set[Place] = set()
    times: list[float] = []
    for file in files:
        language = language_of_tag(file.suffix.removeprefix("."))
        if language is None:
            continue
        code = file.read_text(encoding="utf-8", errors="replace")
        started = time.thread_time()
        scan = engine.scan(code, language, Profile.AUDIT)
        times.append(time.thread_time() - started)
        found |= {(file.name, f.rule.id, code.count("\n", 0, f.start) + 1) for f in scan.findings}
    return found, sorted(times)


def found_by_semgrep(rules: Path, code: Path) -> tuple[set[Place], set[str]]:
    """What Semgrep finds, and the files that it could not parse as a whole."""
    program = ensure(SEMGREP).with_name("semgrep")
    done = subprocess.run(
        [str(program), "scan", "--config", str(rules), "--json", "--metrics=off",
         "--disable-version-check", "--no-git-ignore", str(code)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    found = {
        (Path(one["path"]).name, one["check_id"].rpartition(".")[2], one["start"]["line"])
        for one in said["results"]
    }
    return found, {Path(e["path"]).name for e in said["errors"] if e.get("path")}


def main() -> None:
    """Compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", type=Path)
    parser.add_argument("code", type=Path)
    options = parser.parse_args()
    rules, counts = loaded(options.rules)
    files = sorted(path for path in options.code.rglob("*") if path.is_file())
    ours, times = found_by_us(rules, files)
    everything, broken = found_by_semgrep(options.rules, options.code)
    used = {rule.id for rule in rules}
    theirs = {place for place in everything if place[1] in used}
    print("rules:", ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    print(f"files: {len(files)}, of which Semgrep cannot parse {len(broken)} as a whole")
    print(f"Semgrep finds {len(theirs)}; found here too: {len(theirs & ours)}")
    more = ours - theirs
    sound = sum(place[0] not in broken for place in more)
    print(f"found here alone: {len(more)}, of which in files that Semgrep can parse {sound}")
    p50, p99 = times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3
    print(f"processor time per file, {len(rules)} rules: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
