"""Microseconds of CPU for one decision, by kind of argument, number of rules and of calls before.

    python benchmarks/policy.py [--rounds N]

Decisions are whole: name, arguments, canonical form, limits, flow and rules, on the real file
system. Times are CPU time of this process, the median and the 99th percentile over batches of ten.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tyrian.policy.call import ProposedCall
from tyrian.policy.flow import TraceState
from tyrian.policy.tool import ToolPolicy, policy_of

BATCH = 10


def policy(root: str, rules: int = 3) -> ToolPolicy:
    """A policy with that many rules about other tools and one about each of its own."""
    others = {f"tool_{i}": {"x": "opaque"} for i in range(max(rules - 3, 0))}
    return policy_of(
        {
            "cwd": root,
            "tools": {
                "read_file": {"path": "fs:read"},
                "http_get": {"url": "net"},
                "send_email": {"to": "email", "subject": "opaque", "body": "opaque"},
                "run_shell": {"command": "shell"},
                "note": {"text": "opaque"},
                **others,
            },
            "fs": {"read": [f"{root}/**"], "deny": ["**/.git/**", "**/.env", "**/.ssh/**"]},
            "net": {"hosts": ["*.docs.example.com", *(f"h{i}.example.com" for i in range(20))]},
            "email": {"domains": ["corp.com"]},
            "shell": {"programs": ["ls", "git"], "args_deny": {"git": ["-c"]}},
            "limits": {"calls_per_trace": {"http_get": 10_000}},
            "flow": [{"if_untrusted_output_from": ["web"], "then": "ask", "tools": ["send_email"]}],
            "rules": [
                {"id": "a", "when": 'tool.name == "http_get" && tool.facts.url.port == 8443'},
                {"id": "b", "when": 'tool.name == "read_file" && tool.args.path.endsWith(".key")'},
                {"id": "c", "when": 'tool.name == "note" && tool.args.text == "x"'},
                *(
                    {"id": f"r{i}", "when": f'tool.name == "{name}" && tool.args.x == "y"'}
                    for i, name in enumerate(others)
                ),
            ],
        }
    )


def measure(judge: ToolPolicy, call: ProposedCall, trace: TraceState, rounds: int) -> list[float]:
    """CPU microseconds of one decision, one figure for each batch."""
    found = []
    for _ in range(rounds):
        start = time.process_time_ns()
        for _ in range(BATCH):
            judge.decide(call, trace)
        found.append((time.process_time_ns() - start) / BATCH / 1000)
    return found


def calls() -> dict[str, ProposedCall]:
    """One benign call of each kind."""
    url = "https://h7.example.com/v1/items?page=2"
    return {
        "path": ProposedCall("read_file", {"path": "src/notes.txt"}),
        "url": ProposedCall("http_get", {"url": url}),
        "email": ProposedCall("send_email", {"to": "a@corp.com", "subject": "s", "body": "b"}),
        "shell": ProposedCall("run_shell", {"command": "git log --oneline -5 'a b'"}),
        "opaque": ProposedCall("note", {"text": "hello"}),
        "url, raw JSON": ProposedCall("http_get", None, json.dumps({"url": url})),
    }


def row(name: str, found: list[float]) -> str:
    """A line of the table."""
    p99 = sorted(found)[int(len(found) * 0.99)]
    return f"{name:<34} {statistics.median(found):8.1f} {p99:8.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder).resolve())
        (Path(root) / "src").mkdir()
        (Path(root) / "src" / "notes.txt").write_text("x")
        print(f"{'us of CPU per decision':<34} {'p50':>8} {'p99':>8}")
        judge = policy(root)
        for name, call in calls().items():
            print(row(name, measure(judge, call, judge.start_trace(), rounds)))
        for rules in (3, 30, 300, 1000):
            larger = policy(root, rules)
            found = measure(larger, calls()["url"], larger.start_trace(), rounds)
            print(row(f"url, {rules} rules", found))
        for count in (10, 100, 1000):
            trace = judge.start_trace()
            for index in range(count):
                trace.add_call(("read_file", "web", "note")[index % 3])
                trace.add_output("web")
            found = measure(judge, calls()["email"], trace, rounds)
            print(row(f"email, after {count} calls", found))


if __name__ == "__main__":
    main()
