"""Times one policy engine of a peer inside its own environment; talks JSON lines.

Run as `python _policy_worker.py ENGINE`. The engine gets the same six calls that ours gets, each
with a policy that a user of it would write for them: the raw strings are matched, since none of
these makes them canonical. Then, where it reads traces, a rule over traces of several lengths. The
answer is one line: `{"calls": {kind: us}, "traces": {length: us | error}}`, CPU microseconds.
Needs nothing but the standard library and the package that it times.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "path": ("read_file", {"path": "/workspace/src/notes.txt"}),
    "url": ("http_get", {"url": "https://h7.example.com/v1/items?page=2"}),
    "email": ("send_email", {"to": "a@corp.com", "subject": "s", "body": "b"}),
    "shell": ("run_shell", {"command": "git log --oneline -5"}),
    "opaque": ("note", {"text": "hello"}),
    "sql": ("run_sql", {"query": "select a from main.t"}),
}
LENGTHS = (3, 8, 10, 100, 1000)
BUDGET_S = 2.0

Decide = Callable[[], object]
Result = dict[str, float | str]


def timed(decide: Decide) -> float | str:
    """Median CPU microseconds of a decision; the error where it fails."""
    try:
        decide()
        found: list[float] = []
        until = time.perf_counter() + BUDGET_S
        while len(found) < 300 and time.perf_counter() < until:
            started = time.process_time_ns()
            decide()
            found.append((time.process_time_ns() - started) / 1000)
    except Exception as error:  # noqa: BLE001 - what a peer raises is a result
        return f"{type(error).__name__}: {error}"[:120]
    return round(statistics.median(found), 1)


def invariant() -> tuple[Result, Result]:
    """Invariant's rule language, on traces of messages."""
    from invariant.analyzer import LocalPolicy

    argument = "call.function.arguments"
    rules = {
        "path": f'call is tool:read_file\n    ".." in {argument}["path"]',
        "url": f'call is tool:http_get\n    not ("https://h7." in {argument}["url"])',
        "email": f'call is tool:send_email\n    not ("@corp.com" in {argument}["to"])',
        "shell": f'call is tool:run_shell\n    not ("git " in {argument}["command"])',
        "opaque": f'call is tool:note\n    {argument}["text"] == "x"',
        "sql": f'call is tool:run_sql\n    "drop" in {argument}["query"]',
    }
    calls: Result = {}
    for kind, (tool, args) in CALLS.items():
        policy = LocalPolicy.from_string(
            f'raise "refused" if:\n    (call: ToolCall)\n    {rules[kind]}\n'
        )
        message = _call("1", tool, args)
        calls[kind] = timed(partial(policy.analyze, [message]))
    flow = LocalPolicy.from_string(
        'raise "after untrusted" if:\n    (output: ToolOutput) -> (call: ToolCall)\n'
        "    output is tool:fetch\n    call is tool:send_email\n"
    )
    traces: Result = {}
    for length in LENGTHS:
        messages = _trace(length)
        traces[str(length)] = timed(partial(flow.analyze, messages))
    return calls, traces


def _call(call_id: str, tool: str, args: dict[str, str]) -> dict[str, Any]:
    function = {"name": tool, "arguments": args}
    call = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _trace(length: int) -> list[dict[str, Any]]:
    """Calls of `fetch` with their outputs, and an e-mail at the end."""
    messages: list[dict[str, Any]] = []
    for number in range(length // 2):
        messages.append(_call(str(number), "fetch", {"url": f"https://a.example.com/{number}"}))
        text = f"page {number} " + "lorem ipsum " * 40
        messages.append({"role": "tool", "tool_call_id": str(number), "content": text})
    return [*messages, _call("last", *CALLS["email"])]


CEL = {
    "path": 'args.path.startsWith("/workspace/") && !args.path.contains("/.git/")',
    "url": 'args.url.matches("^https://h[0-9]+[.]example[.]com/")',
    "email": 'args.to.endsWith("@corp.com")',
    "shell": 'args.command.matches("^(ls|git)( |$)")',
    "opaque": 'args.text != "x"',
    "sql": '!args.query.matches("(?i)drop|delete|update")',
}


def cel_python() -> tuple[Result, Result]:
    """CEL in pure Python."""
    import celpy

    environment = celpy.Environment()
    found: Result = {}
    for kind, (_, args) in CALLS.items():
        program = environment.program(environment.compile(CEL[kind]))
        found[kind] = timed(partial(_evaluated, program, celpy.json_to_cel, args))
    return found, {}


def _evaluated(program: Any, convert: Callable[[Any], Any], args: dict[str, str]) -> object:
    return program.evaluate({"args": convert(args)})


def common_expression_language() -> tuple[Result, Result]:
    """CEL in Rust."""
    import cel

    found: Result = {}
    for kind, (_, args) in CALLS.items():
        found[kind] = timed(partial(cel.evaluate, CEL[kind], {"args": args}))
    return found, {}


def cedar() -> tuple[Result, Result]:
    """Cedar, with its `like` on strings."""
    import cedarpy

    conditions = {
        "path": 'context.path like "/workspace/*"',
        "url": 'context.url like "https://h7.example.com/*"',
        "email": 'context.to like "*@corp.com"',
        "shell": 'context.command like "git *"',
        "opaque": 'context.text != "x"',
        "sql": '!(context.query like "*drop*")',
    }
    found: Result = {}
    for kind, (tool, args) in CALLS.items():
        policy = (
            f'permit(principal, action == Action::"{tool}", resource)'
            f" when {{ {conditions[kind]} }};"
        )
        request = {
            "principal": 'Agent::"a"',
            "action": f'Action::"{tool}"',
            "resource": 'Tool::"t"',
            "context": args,
        }
        found[kind] = timed(partial(cedarpy.is_authorized, request, policy, []))
    return found, {}


ENGINES = {
    "invariant": invariant,
    "cel-python": cel_python,
    "cel-rust": common_expression_language,
    "cedar": cedar,
}


def main() -> None:
    """Time the engine and write the one line."""
    calls, traces = ENGINES[sys.argv[1]]()
    sys.stdout.write(json.dumps({"calls": calls, "traces": traces}) + "\n")


if __name__ == "__main__":
    main()
