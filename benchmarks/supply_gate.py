"""How long `tyrian gate` takes for a repository of many agents, the program's start included.

    python benchmarks/supply_gate.py [--agents 50] [--runs 5]

Each agent has a file of 150 lines, a stack, a policy and an MCP configuration. CPU seconds are
those of the process; the start of a bare Python stands beside them, as a measure of the machine.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

AGENT = '''\
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from tyrian import Firewall
from tyrian.adapters.langchain import TyrianMiddleware

guard = TyrianMiddleware(Firewall.from_stack("stack.yaml"))


def look_up(query: str) -> str:
    """Look something up."""
    return query


agent = create_agent(ChatOpenAI(model="gpt-5"), [look_up], middleware=[guard])
'''
OTHER = """

def step_{n}(value: int) -> str:
    made = value + {n}
    return str(made).upper()
"""
STACK = """\
agent:
  preflight_guards:
    - {name: prompt_guard_2, block_classes: [jailbreak, injection], threshold: 0.6}
    - {name: llama_guard_4}
  tool_output_guards:
    - {name: prompt_guard_2, block_classes: [injection, jailbreak]}
  policy_runtime: {config: policy.yaml}
"""
POLICY = "version: 1\ndefault: deny\ntools:\n  look_up: {query: opaque}\n"
MCP = """\
{"mcpServers": {"a": {
  "command": "tyrian", "args": ["mcp", "proxy", "--", "npx", "x@1.2.3"]
}}}
"""


def make(root: Path, agents: int) -> None:
    """A repository of guarded agents."""
    for number in range(agents):
        folder = root / f"agent{number:03}"
        folder.mkdir()
        (folder / "agent.py").write_text(AGENT + "".join(OTHER.format(n=n) for n in range(27)))
        (folder / "stack.yaml").write_text(STACK)
        (folder / "policy.yaml").write_text(POLICY)
        (folder / ".mcp.json").write_text(MCP)


def timed(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    tyrian = str(Path(sys.executable).with_name("tyrian"))
    with tempfile.TemporaryDirectory() as home:
        root, empty = Path(home) / "full", Path(home) / "empty"
        root.mkdir()
        empty.mkdir()
        make(root, options.agents)
        (empty / "a.py").write_text("x = 1\n")
        rows = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "tyrian gate, nothing in it": [tyrian, "gate", str(empty)],
            f"tyrian gate, {options.agents} agents": [tyrian, "gate", str(root)],
        }
        print(f"load {os.getloadavg()[0]:.1f}; median of {options.runs}")
        for name, command in rows.items():
            found = [timed(command) for _ in range(options.runs)]
            cpu, wall = (median(one[at] for one in found) for at in (0, 1))
            print(f"{name:32} {cpu:6.2f} CPU-s  {wall:6.2f} s")


if __name__ == "__main__":
    main()
