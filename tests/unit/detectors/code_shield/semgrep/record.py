"""Writes `cases/expected.json`: what Semgrep itself finds with each rule, to compare ours with.

Run it after a change of the cases: `python tests/unit/detectors/code_shield/semgrep/record.py`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).with_name("cases")
EXPECTED = CASES / "expected.json"
sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "benchmarks"))


def found_by_semgrep(python: Path, rules: Path, code: Path) -> dict[str, list[list[int]]]:
    """Lines of the first and last character of each finding, by rule."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, code.name.removesuffix(".txt"))
        target.write_bytes(code.read_bytes())
        done = subprocess.run(
            [str(python.with_name("semgrep")), "scan", "--config", str(rules), "--json",
             "--metrics=off", "--disable-version-check", "--no-git-ignore", str(target)],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    said = json.loads(done.stdout)
    if said["errors"]:
        raise SystemExit(f"{rules.name}: {json.dumps(said['errors'], indent=1)[:2000]}")
    found: dict[str, set[tuple[int, int]]] = {}
    for one in said["results"]:
        name = one["check_id"].rpartition(".")[2]
        found.setdefault(name, set()).add((one["start"]["line"], one["end"]["line"]))
    return {name: [list(pair) for pair in sorted(places)] for name, places in sorted(found.items())}


def main() -> None:
    """Record all cases."""
    from _peers import SEMGREP, ensure

    python = ensure(SEMGREP)
    recorded = {}
    for code in sorted(CASES.glob("*.txt")):
        name = code.name.partition(".")[0]
        recorded[name] = found_by_semgrep(python, CASES / f"{name}.yaml", code)
    EXPECTED.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
