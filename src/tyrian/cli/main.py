"""The `tyrian` command: nouns, each in a file of its own, and one place where errors end."""

import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import Annotated

import typer
import typer.main

import tyrian
from tyrian.cli.ending import ending
from tyrian.cli.lazy import Entry, LazyGroup


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
            "bom": Entry("tyrian.cli.bom:app", "Write and compare bills of materials."),
            "data": Entry("tyrian.cli.data:app", "Scan, clean and describe training data."),
            "attest": Entry("tyrian.cli.attest:app", "Sign what a model was made of; check it."),
            "gate": Entry("tyrian.cli.gate:gate", "Say what is unguarded; refuse to ship it."),
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
    words = None if args is None else list(args)
    return ending(lambda: command.main(args=words, prog_name="tyrian"))
