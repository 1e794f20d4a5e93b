"""Judges shell commands: one listed program, plain words, no option that runs another."""

import re
from dataclasses import dataclass

from tyrian.policy.lookalike import has_hidden
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import ShellSpec
from tyrian.policy.shell import MAX_CHARS, Feature, joined, tokenise
from tyrian.policy.shell_options import (
    INLINE_OPTIONS,
    INTERPRETERS,
    KNOWN_SUBCOMMANDS,
    RUNNING_OPTIONS,
    RUNNING_SUBCOMMANDS,
    SHORT_BY_SUBCOMMAND,
    WHOLE_OPTIONS,
    WRAPPERS,
)

_HINT = "one program of shell.programs with plain, quoted arguments"
_HELPER_URL = re.compile(r"(?:ext|fd)::|[a-z0-9+-]+::", re.IGNORECASE)
_RULES = {feature: f"shell.{feature.name.lower().replace('_', '-')}" for feature in Feature}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a shell can only read in one way."""

    text: str
    program: str
    argv: tuple[str, ...]


class ShellRule:
    """Canonicalises and judges commands."""

    def __init__(self, spec: ShellSpec) -> None:
        self._programs = frozenset(spec.programs)
        self._denied = {program: tuple(options) for program, options in spec.args_deny.items()}
        self._may_run_others = spec.options_that_run_programs == "allow"

    def canonical(self, value: str) -> Command:
        """The command, its words quoted anew; Refusal for anything more than that."""
        if len(value) > MAX_CHARS:
            raise Refusal("shell.too-long", "the command is too long", _HINT)
        if not value.isascii() and has_hidden(value.replace("\n", "")):
            raise Refusal("shell.control", "the command holds invisible characters", _HINT)
        tokens = tokenise(value)
        if tokens.features:
            first = min(tokens.features, key=lambda found: found.at)
            raise Refusal(_RULES[first.feature], f"the command {first.feature}", _HINT)
        if not tokens.words:
            raise Refusal("shell.empty", "the command is empty", _HINT)
        program = tokens.words[0]
        if program.text not in self._programs:
            hint = "add the program to shell.programs"
            raise Refusal("shell.program", "the program is not allowed", hint)
        if program.is_quoted:
            raise Refusal("shell.program", "the program's name is quoted or escaped", _HINT)
        argv = tokens.argv
        self._judge_options(program.text.rpartition("/")[2], argv[1:], self._denied_for(argv[0]))
        return Command(joined(argv), argv[0], argv)

    def _denied_for(self, program: str) -> tuple[str, ...]:
        return self._denied.get(program, self._denied.get(program.rpartition("/")[2], ()))

    def _judge_options(self, program: str, args: tuple[str, ...], denied: tuple[str, ...]) -> None:
        for arg in args:
            if denied and any(is_option(arg, option) for option in denied):
                hint = f"take the option out of shell.args_deny.{program}"
                raise Refusal("shell.option", "the program is given a denied option", hint)
        if not self._may_run_others:
            _refuse_running(program, args)


def is_option(arg: str, option: str) -> bool:
    """Whether an argument is that option: alone, with its value, shortened, or among others.

    Long options may be shortened as far as two letters; short ones may hold their value or stand
    in a bundle (`-avc`), so an argument that could be read that way counts.
    """
    if arg == option:
        return True
    if option.startswith("--"):
        name = arg.partition("=")[0]
        return name == option or (
            len(name) > 3
            and name.startswith("--")
            and option.startswith(name)
            and name not in WHOLE_OPTIONS
        )
    if len(option) == 2 and option[0] == "-":
        if arg.startswith("--") or not arg.startswith("-"):
            return False
        bundle = re.match(r"-([A-Za-z]*)", arg)
        return bundle is not None and option[1] in bundle[1]
    return arg.startswith(option + "=")


def _refuse_running(program: str, args: tuple[str, ...]) -> None:
    hint = "set shell.options_that_run_programs: allow, where the sandbox holds the program"
    if program in WRAPPERS:
        raise Refusal("shell.wrapper", "the program runs the command in its arguments", hint)
    if program in INTERPRETERS and any(
        arg in INLINE_OPTIONS or re.match(r"-[A-Za-z]*[ceEr]", arg) for arg in args
    ):
        raise Refusal("shell.inline", "the interpreter is given a program's text", hint)
    options = RUNNING_OPTIONS.get(program, ())
    for arg in args:
        if arg.startswith("-") and any(_is_running(arg, option) for option in options):
            raise Refusal("shell.runs", "an option runs another program or re-targets it", hint)
    if program == "git":
        _judge_git(args, hint)
    elif program in RUNNING_SUBCOMMANDS:
        word = next((arg for arg in args if not arg.startswith("-")), "")
        if word in RUNNING_SUBCOMMANDS[program]:
            raise Refusal("shell.runs", "the subcommand runs another program", hint)


def _is_running(arg: str, option: str) -> bool:
    """As `is_option`, but short options only at the start: the table is of whole programs."""
    if len(option) == 2 and option[0] == "-":
        return arg == option or (arg.startswith(option) and not arg[2:3].isalpha())
    return is_option(arg, option)


def _judge_git(args: tuple[str, ...], hint: str) -> None:
    at = next((i for i, arg in enumerate(args) if not arg.startswith("-")), len(args))
    word = args[at] if at < len(args) else ""
    _refuse_shorts(args[:at], SHORT_BY_SUBCOMMAND["git", ""], hint)
    if not word:
        return
    if word in RUNNING_SUBCOMMANDS["git"]:
        raise Refusal("shell.runs", "the subcommand runs what the repository says", hint)
    if word not in KNOWN_SUBCOMMANDS["git"]:
        raise Refusal("shell.runs", "the subcommand may be an alias for anything", hint)
    _refuse_shorts(args[at + 1 :], SHORT_BY_SUBCOMMAND.get(("git", word), ()), hint)
    if any(_HELPER_URL.match(arg) for arg in args):
        raise Refusal("shell.runs", "the address names a helper program", hint)


def _refuse_shorts(args: tuple[str, ...], options: tuple[str, ...], hint: str) -> None:
    if any(is_option(arg, option) for arg in args for option in options):
        raise Refusal("shell.runs", "an option runs another program or re-targets it", hint)
