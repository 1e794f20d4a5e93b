"""Call sites: what is called, under its own name whatever it was imported as, and its arguments."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from tyrian.detectors.code_shield.chain import NOT_TYPES, chain_before
from tyrian.detectors.code_shield.commands import (
    end_of_command,
    is_command,
    option_of,
    words_of,
)
from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import stripped, word_before
from tyrian.detectors.code_shield.imports import Aliases
from tyrian.detectors.code_shield.syntax import Syntax

_POINTER_TYPE = re.compile(r"\s*([A-Za-z_]\w*)[\w\s]*\*+\s*\Z")
_IN_WORD = frozenset("_$")
_BEFORE_CALL = frozenset("(!<: \t\n")
_BEHIND = re.compile(
    r"[ \t]*(?:!(?=[ \t]*[(\[{])"
    r"|(?:::)?<[\w \t,.?:&'\[\]]{0,80}(?:<[\w ,.?]{0,40}>)?[\w ,]{0,20}>)?"
    r"\s*([(\[{])"
)
_KEYWORD = re.compile(r"\s*([A-Za-z_][\w-]*)[ \t]*(?:=(?![=>])|:(?![:=])|=>)\s*")
_BARE_ARGUMENT = re.compile(
    r"[ \t]+(?=[\"'`\w$@:\[{(/-])(?!=|\+=|-=|(?:if|unless|do|and|or|in|is|as|then)\b)"
)
_BARE_END = re.compile(r"\n|;|[ \t](?:if|unless|do|and|or)[ \t]|[ \t]&&|[ \t]\|\|")


class Argument(NamedTuple):
    """One argument: its keyword, if any, and its place."""

    keyword: str
    start: int
    end: int


class Call(NamedTuple):
    """A call site."""

    name: str
    """The callee with `.` between its parts, imports resolved; `()`, `[]` for what is skipped."""
    start: int
    open: int
    end: int
    is_new: bool
    arguments: tuple[Argument, ...]


def calls_of(fragment: Fragment, names: Iterable[str], aliases: Aliases) -> Iterator[Call]:
    """All calls whose last name is among `names`, directly or by another name."""
    wanted = set(names)
    wanted.update({alias for alias, path in aliases.of_calls(fragment) if _last(path) in wanted})
    if not wanted:
        return
    code = fragment.code.lower() if fragment.syntax.ignores_case else fragment.code
    sign, called = fragment.syntax.short_call
    if called in wanted:
        yield from _short_calls(fragment, sign, called)
    for name in wanted:
        for start in _places(code, name):
            if not fragment.budget.spend(2):
                return
            call = _call_at(fragment, start, start + len(name), aliases)
            if call is not None:
                yield call


def _short_calls(fragment: Fragment, sign: str, called: str) -> Iterator[Call]:
    """`<?= x ?>`, which is `echo x`."""
    code = fragment.code
    start = code.find(sign)
    while start >= 0 and fragment.budget.spend(2):
        begin = start + len(sign)
        stop = code.find(";", begin)
        stop = len(code) if stop < 0 else stop
        yield Call(called, start, begin, stop, False, _arguments(fragment, begin, stop))
        start = code.find(sign, stop)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _places(code: str, word: str) -> Iterator[int]:
    """Where a word stands by itself. A search for each word is quicker than one for them all."""
    size = len(word)
    at = code.find(word)
    while at >= 0:
        end = at + size
        before, behind = code[at - 1 : at], code[end : end + 1]
        if not (before.isalnum() or behind.isalnum() or before in _IN_WORD or behind in _IN_WORD):
            yield at
        at = code.find(word, end)


@lru_cache(maxsize=32)
def _bare_names(syntax: Syntax) -> re.Pattern[str]:
    return re.compile(rf"(?:{syntax.bare_calls})\Z", re.IGNORECASE if syntax.ignores_case else 0)


@lru_cache(maxsize=32)
def _definers(syntax: Syntax) -> frozenset[str]:
    return frozenset(syntax.definers.split("|"))


def _call_at(fragment: Fragment, start: int, end: int, aliases: Aliases) -> Call | None:
    code, syntax = fragment.code, fragment.syntax
    if not syntax.bare_calls and code[end : end + 1] not in _BEFORE_CALL:
        return None
    behind = _BEHIND.match(code, end)
    opening = behind.start(1) if behind else -1
    if behind is None or (behind[1] != "(" and "!" not in behind[0]):
        return _bare_call(fragment, start, end, aliases)
    chain, first = chain_before(fragment, start, end)
    if syntax.name == "csharp":
        # A name in the way of the language, or code in a page.
        chain = chain.removeprefix("@")
    before = word_before(code, first)
    if before in _definers(syntax):
        return None
    is_new = before == "new"
    if syntax.declares_by_type and chain.find(".") < 0 and _is_declared(code, first, before):
        return None
    close = fragment.close_of(opening)
    if syntax.declares_by_type and not is_new and _is_defined(code, first, close):
        return None
    if "()." in chain:
        chain = aliases.taken_in(chain, first)
    name = aliases.resolve(chain, fragment)
    arguments = _arguments(fragment, opening + 1, close)
    return Call(name, first, opening, min(close + 1, len(code)), is_new, arguments)


def _is_declared(code: str, first: int, before: str) -> bool:
    """A type stands directly before the name: `char *gets(char *s)`."""
    if before:
        line = code.rfind("\n", 0, first) + 1
        # What stands on the line before is a directive, a label or a macro more often than a type.
        if not code[line:first].strip():
            return False
        return code[first - 1] in " \t" and before not in NOT_TYPES and not before.isdigit()
    head = code[code.rfind("\n", 0, first) + 1 : first]
    words = _POINTER_TYPE.match(head)
    return words is not None and words[1] not in NOT_TYPES


def _is_defined(code: str, first: int, close: int) -> bool:
    """A body follows a name at the beginning of its line: its type stands on the line before."""
    at_start = first == 0 or code[first - 1] == "\n"
    return at_start and code[close + 1 : close + 40].lstrip()[:1] == "{"


def _bare_call(fragment: Fragment, start: int, end: int, aliases: Aliases) -> Call | None:
    """A call without parentheses, in languages that have them."""
    syntax, code = fragment.syntax, fragment.code
    if not syntax.bare_calls or not _bare_names(syntax).match(code, start, end):
        return None
    if syntax.splits_at_blanks:
        return _command(fragment, start, end)
    gap = _BARE_ARGUMENT.match(code, end)
    if gap is None and not (code[end : end + 1] in ('"', "`") and code[end:]):
        return None
    chain, first = chain_before(fragment, start, end)
    if word_before(code, first) in _definers(syntax):
        return None
    begin = gap.end() if gap else end
    stop = _BARE_END.search(code, begin)
    close = stop.start() if stop else len(code)
    while stop is not None and stop[0] == "\n" and code[begin:close].rstrip()[-1:] in (",", "\\"):
        stop = _BARE_END.search(code, close + 1)
        close = stop.start() if stop else len(code)
    name = aliases.resolve(chain, fragment)
    return Call(name, first, begin, close, False, _arguments(fragment, begin, close))


def _command(fragment: Fragment, start: int, end: int) -> Call | None:
    """A command of a shell with its words."""
    code = fragment.code
    first = start
    while first and code[first - 1] not in " \t\n;|&()`{}\"'":
        first -= 1  # `/usr/bin/rm` is `rm`
    if code[first:start].strip("./\\") and "/" not in code[first:start]:
        return None
    if not is_command(code, first) or code[end : end + 1].strip(" \t\n;|&)`\\<>"):
        return None
    close = end_of_command(code, end)
    arguments = []
    for begin, stop in words_of(fragment, end, close):
        keyword, value = option_of(code, begin, stop)
        arguments.append(Argument(keyword, value, stop))
    return Call(code[start:end], first, end, close, False, tuple(arguments))


def _arguments(fragment: Fragment, start: int, end: int) -> tuple[Argument, ...]:
    code = fragment.code
    found: list[Argument] = []
    at = start
    end = min(end, len(code))
    while at < end and len(found) < 64:
        stop = min(fragment.end_of_expression(at, is_argument=True), end)
        argument = _argument(code, at, stop)
        if argument is not None:
            found.append(argument)
        if stop < end and code[stop] not in ",;":
            break
        at = stop + 1
    return tuple(found)


def _argument(code: str, start: int, end: int) -> Argument | None:
    keyword = _KEYWORD.match(code, start, end)
    if keyword and keyword.end() < end and code[keyword.end() :][:1] != ")":
        return Argument(keyword[1], *stripped(code, keyword.end(), end))
    start, end = stripped(code, start, end)
    return Argument("", start, end) if start < end else None
