"""Starts a sandbox with a name server of the test's own: python start.py SCENE.json -- COMMAND."""

import json
import sys
from pathlib import Path

from tyrian.sandbox.run import run_sandboxed
from tyrian.stack.load import load_stack


class Table:
    """Answers from a table; each look-up takes the next answer, the last one again and again."""

    def __init__(self, table: dict[str, list[list[str]]]) -> None:
        self._table = table

    async def addresses(self, name: str) -> list[str]:
        answers = self._table.get(name, [[]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def main() -> None:
    scene = json.loads(Path(sys.argv[1]).read_text())
    stack = load_stack(scene["stack"])
    policy = stack.tool_policy()
    assert stack.agent.sandbox
    result = run_sandboxed(
        stack.agent.sandbox,
        policy.spec if policy else None,
        sys.argv[3:],
        resolver=Table(scene["dns"]),
    )
    sys.exit(result.code)


if __name__ == "__main__":
    main()
