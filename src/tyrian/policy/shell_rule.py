"""Judges shell commands: one listed program, plain words, no option that runs another."""

import re
from dataclasses import dataclass

from tyrian.policy.lookalike import has_hidden
from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import ShellSpec
from tyrian.policy.shell import MAX_CHARS, Feature, joined, tokenise
from tyrian.policy.shell_option_set import OptionSet
from tyrian.policy.shell_options import (
    INLINE_OPTIONS,
    INTERPRETERS,
    KNOWN_SUBCOMMANDS,
    RUNNING_OPTIONS,
    RUNNING_SUBCOMMANDS,
    SHORT_BY_SUBCOMMAND,
    WRAPPERS,
)

_HINT = "one program of shell.programs with plain, quoted arguments"
_HELPER_URL = re.compile(r"(?:ext|fd)::|[a-z0-9+-]+::", re.IGNORECASE)
_RULES = {feature: f"shell.{feature.name.lower().replace('_', '-')}" for feature in Feature}


_RUNNING = {
    program: OptionSet(options, is_bundled=False) for program, options in RUNNING_OPTIONS.items()
}
_SHORT = {place: OptionSet(options) for place, options in SHORT_BY_SUBCOMMAND.items()}
_NO_OPTIONS = OptionSet(())


@dataclass(slots=True)
class Command:
    """A command that a shell can only read in one way."""

    text: str
    program: str
    argv: tuple[str, ...]


class ShellRule:
    """Canonicalises and judges commands."""

    def __init__(self, spec: ShellSpec) -> None:
        self._programs = frozenset(spec.programs)
        self._denied = {program: OptionSet(words) for program, words in spec.args_deny.items()}
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
            raise Refusal("shell.program", "the program is not allowed", hint, program.text)
        if program.is_quoted:
            raise Refusal("shell.program", "the program's name is quoted or escaped", _HINT)
        argv = tokens.argv
        self._judge_options(program.text.rpartition("/")[2], argv[1:], self._denied_for(argv[0]))
        return Command(joined(argv), argv[0], argv)

    def _denied_for(self, program: str) -> OptionSet:
        return self._denied.get(program, self._denied.get(program.rpartition("/")[2], _NO_OPTIONS))

    def _judge_options(self, program: str, args: tuple[str, ...], denied: OptionSet) -> None:
        for arg in args:
            if denied.has(arg):
                hint = f"take the option out of shell.args_deny.{program}"
                raise Refusal("shell.option", "the program is given a denied option", hint)
        if not self._may_run_others:
            _refuse_running(program, args)


def _refuse_running(program: str, args: tuple[str, ...]) -> None:
    hint = "set shell.options_that_run_programs: allow, where the sandbox holds the program"
    if program in WRAPPERS:
        raise Refusal("shell.wrapper", "the program runs the command in its arguments", hint)
    if program in INTERPRETERS and any(
        arg in INLINE_OPTIONS or re.match(r"-[A-Za-z]*[ceEr]", arg) for arg in args
    ):
        raise Refusal("shell.inline", "the interpreter is given a program's text", hint)
    options = _RUNNING.get(program, _NO_OPTIONS)
    for arg in args:
        if options.has(arg):
            raise Refusal("shell.runs", "an option runs another program or re-targets it", hint)
    if program == "git":
        _judge_git(args, hint)
    elif program in RUNNING_SUBCOMMANDS:
        word = next((arg for arg in args if not arg.startswith("-")), "")
        if word in RUNNING_SUBCOMMANDS[program]:
            raise Refusal("shell.runs", "the subcommand runs another program", hint)


def _judge_git(args: tuple[str, ...], hint: str) -> None:
    at = next((i for i, arg in enumerate(args) if not arg.startswith("-")), len(args))
    word = args[at] if at < len(args) else ""
    _refuse_shorts(args[:at], _SHORT["git", ""], hint)
    if not word:
        return
    if word in RUNNING_SUBCOMMANDS["git"]:
        raise Refusal("shell.runs", "the subcommand runs what the repository says", hint)
    if word not in KNOWN_SUBCOMMANDS["git"]:
        raise Refusal("shell.runs", "the subcommand may be an alias for anything", hint)
    _refuse_shorts(args[at + 1 :], _SHORT.get(("git", word), _NO_OPTIONS), hint)
    if any("::" in arg and _HELPER_URL.match(arg) for arg in args):
        raise Refusal("shell.runs", "the address names a helper program", hint)


def _refuse_shorts(args: tuple[str, ...], options: OptionSet, hint: str) -> None:
    if any(options.has(arg) for arg in args):
        raise Refusal("shell.runs", "an option runs another program or re-targets it", hint)
