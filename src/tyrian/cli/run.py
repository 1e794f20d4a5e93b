"""`tyrian run`: start a command in the sandbox of a stack."""

from pathlib import Path
from typing import Annotated

import typer

from tyrian.errors import ConfigError
from tyrian.sandbox.egress.record import EgressLog
from tyrian.sandbox.run import Result, run_sandboxed
from tyrian.stack.load import load_stack

_MOST_REFUSALS = 5


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND", help="What to run.", show_default=False)
    ],
    stack: Annotated[
        Path, typer.Option("--stack", "-s", envvar="TYRIAN_STACK", help="The stack file.")
    ],
    egress_log: Annotated[
        Path | None,
        typer.Option("--egress-log", help="File for a line of JSON per connection."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing at the end.")] = False,
) -> None:
    """Run a command under the limits of the stack's sandbox and policy.

    Everything after -- is the command: tyrian run --stack stack.yaml -- python agent.py

    Its exit code is that of the command. Where the sandbox cannot be made, nothing is started.
    """
    loaded = load_stack(stack)
    if loaded.agent.sandbox is None:
        raise ConfigError(f"{stack}: the stack has no sandbox", hint="add agent.sandbox to it")
    policy = loaded.tool_policy()
    log = EgressLog.to(egress_log)
    result = run_sandboxed(loaded.agent.sandbox, policy.spec if policy else None, command, log=log)
    if not quiet:
        _tell(result, log)
    raise typer.Exit(result.code)


def _tell(result: Result, log: EgressLog) -> None:
    """What a person should know of the run; nothing where all went as the command wanted."""
    for note in result.notes:
        typer.echo(f"tyrian run: {note}", err=True)
    if result.exceeded:
        typer.echo(f"tyrian run: ended, since it passed its limit {result.exceeded}", err=True)
    for (target, reason), count in log.refused.most_common(_MOST_REFUSALS):
        times = f" ({count} times)" if count > 1 else ""
        typer.echo(f"tyrian run: refused {target}: {reason}{times}", err=True)
