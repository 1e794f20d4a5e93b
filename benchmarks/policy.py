"""Microseconds of CPU for one decision, by kind of argument, number of rules, and trace before it.

    python benchmarks/policy.py [--rounds N] [--no-peers]

Decisions are whole: name, arguments, canonical form, limits, flow and rules, on the real file
system; over a trace also the search for what the arguments quote. Times are CPU time of this
process, the median and the 99th percentile over batches of ten. Peers run in environments of their
own, one after another in the same run: Invariant's rules, two engines of CEL, and Cedar.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _peers import EXPRESSIONS, INVARIANT, PeerUnavailableError, ensure
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.firewall.tool_gate import ToolGate
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


QUOTING = {
    "to": "a@corp.com",
    "subject": "Figures of the second quarter",
    "body": "Dear Ann, please find the figures of the second quarter below. Best regards, Bob",
}
WORKER = Path(__file__).with_name("_policy_worker.py")
PEERS = (
    ("Invariant", INVARIANT, "invariant"),
    ("cel-python", EXPRESSIONS, "cel-python"),
    ("CEL in Rust", EXPRESSIONS, "cel-rust"),
    ("Cedar", EXPRESSIONS, "cedar"),
)


def page(words: list[str]) -> str:
    """About 600 characters of output."""
    return " ".join(random.choice(words) for _ in range(90))


def grown(length: int) -> Trace:
    """A trace of that many messages: calls, and pages that they returned."""
    random.seed(length)
    letters = "abcdefghijklmnoprstuvw"
    words = ["".join(random.choices(letters, k=random.randint(2, 9))) for _ in range(4000)]
    said = [Message.user("Report the figures of the second quarter to Ann.")]
    while len(said) < length:
        number = f"c{len(said)}"
        url = json.dumps({"url": f"https://h7.example.com/{number}"})
        said += (
            Message.assistant(calls=[ToolCall(number, "http_get", url)]),
            Message.tool(page(words), tool_call_id=number),
        )
    return Trace(tuple(said))


def tracking(root: str) -> ToolPolicy:
    """The policy with rules about where values are from."""
    spec = policy(root).spec
    flow = [
        {"if_args_from": ["http_get"], "then": "deny", "tools": ["send_email"]},
        {"if_args_hold": ["secret"], "then": "deny", "tools": ["send_email"]},
    ]
    return policy_of({**spec.model_dump(mode="json", exclude_defaults=True), "flow": flow})


def measure_traces(root: str, rounds: int) -> None:
    """The next call after a trace, and what it costs to read one more message."""
    gate = ToolGate(tracking(root))
    call = ToolCall("m", "send_email", json.dumps(QUOTING))
    proposed = ProposedCall.of(call)
    for length in (10, 100, 1000):
        trace = grown(length)
        state = gate.states.of(trace.messages)
        print(row(f"e-mail, {length} messages", measure(gate.policy, proposed, state, rounds)))
        asked = Message.assistant(calls=[call])
        found = []
        for _ in range(rounds):
            start = time.process_time_ns()
            for _ in range(BATCH):
                gate.judge(asked, trace)
            found.append((time.process_time_ns() - start) / BATCH / 1000)
        print(row("  with the look-up of the trace", found))
        found = []
        reader = gate.states.reader
        for number in range(200):
            more = (*trace.messages, Message.tool(page(PAGE_WORDS), tool_call_id=f"x{number}"))
            start = time.process_time_ns()
            reader.read(state, more, len(trace.messages))
            found.append((time.process_time_ns() - start) / 1000)
        print(row("  to read 600 characters more", found))


PAGE_WORDS = [f"word{number}" for number in range(2000)]


def measure_peers() -> None:
    """The same calls by other engines, and traces by the one that reads them."""
    for name, peer, engine in PEERS:
        try:
            python = ensure(peer)
            done = subprocess.run(
                [str(python), str(WORKER), engine],
                check=True,
                capture_output=True,
                text=True,
                timeout=600,
            )
            result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except (PeerUnavailableError, subprocess.SubprocessError, ValueError, IndexError) as error:
            print(f"{name}: left out ({type(error).__name__})", file=sys.stderr)
            continue
        print(f"\n{name} (raw strings, p50)")
        for kind, found in result["calls"].items():
            print(f"{kind:<34} {found:>8}")
        for length, found in result["traces"].items():
            print(f"flow, {length} messages".ljust(34), f"{found:>8}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
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
        measure_traces(root, rounds)
    if not options.no_peers:
        measure_peers()


if __name__ == "__main__":
    main()
