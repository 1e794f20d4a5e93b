"""The `tyrian` command: nouns, each in a file of its own, and one place where errors end."""

import os
import sys
import traceback
from collections.abc import Sequence
from types import MappingProxyType
from typing import Annotated

import typer
import typer.main

import tyrian
from tyrian.cli.exit import ExitCode, exit_code_of
from tyrian.cli.lazy import Entry, LazyGroup
from tyrian.errors import TyrianError

TRACEBACK_VARIABLE = "TYRIAN_TRACEBACK"


class _Nouns(LazyGroup):
    entries = MappingProxyType(
        {
            "serve": Entry("tyrian.cli.serve:serve", "Start the gateway."),
            "scan": Entry("tyrian.cli.scan:scan", "Judge rows of texts or conversations."),
            "code": Entry("tyrian.cli.code:app", "Find insecure code; list and test rules."),
            "stack": Entry("tyrian.cli.stack:app", "Check and explain stack files."),
            "policy": Entry("tyrian.cli.policy:app", "Judge tool calls; test and lint policies."),
            "run": Entry("tyrian.cli.run:run", "Run a command in the sandbox of a stack."),
            "mcp": Entry("tyrian.cli.mcp:app", "Guard MCP servers; approve their tools."),
            "keys": Entry("tyrian.cli.keys:app", "Make, list, rotate and revoke API keys."),
            "review": Entry("tyrian.cli.review:app", "Decide on what waits for a person."),
            "organisation": Entry("tyrian.cli.organisation:app", "Organisations and their tiers."),
            "audit": Entry("tyrian.cli.audit:app", "Check the audit chain of accounts."),
            "store": Entry("tyrian.cli.store:app", "Back up, restore and migrate the database."),
            "console": Entry("tyrian.cli.console:app", "Let people into the console."),
            "model": Entry("tyrian.cli.model:app", "Get, list and check guard models."),
            "attest": Entry("tyrian.cli.attest:app", "Sign what a model was made of; check it."),
            "eval": Entry("tyrian.cli.evals:app", "Measure models under attack."),
            "train": Entry("tyrian.cli.train:app", "Train guard models on your own rows."),
            "tune": Entry("tyrian.cli.tune:tune", "Pick thresholds from labelled rows."),
            "doctor": Entry("tyrian.cli.doctor:doctor", "Show what is installed, and what is not."),
        }
    )


app = typer.Typer(
    name="tyrian",
    cls=_Nouns,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 clean, 1 found or refused, 2 usage, 3 could not check.",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"tyrian {tyrian.__version__}")
        raise typer.Exit


@app.callback()
def _tyrian(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Protection for LLM applications: firewall, gateway, evaluations and supply chain."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code. Every error of ours ends here, with its hint."""
    command = typer.main.get_command(app)
    try:
        command.main(args=None if args is None else list(args), prog_name="tyrian")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except TyrianError as error:
        _tell(str(error))
        return exit_code_of(error)
    except Exception as error:  # noqa: BLE001  a crash must not look like a finding (exit 1)
        _tell_crash(error)
        return ExitCode.NOT_CHECKED
    return ExitCode.CLEAN


def _tell(message: str) -> None:
    typer.echo(f"error: {message}", err=True)


def _tell_crash(error: Exception) -> None:
    """Name the place of a crash; not its message, which may hold what users wrote."""
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    hint = f"a fault in Tyrian; run again with {TRACEBACK_VARIABLE}=1 for the whole traceback"
    _tell(f"{type(error).__name__}{place}\n  hint: {hint}")
