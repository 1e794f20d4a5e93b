"""Commands of a shell as calls: the words behind the name are the arguments."""

import re

from tyrian.detectors.code_shield.fragment import Fragment
from tyrian.detectors.code_shield.functions import Span

_BEFORE = (
    r"(?:^|[\n;|&({`!]|\$\(|\b(?:then|do|else|elif|if|while|until|sudo|doas|exec|nohup|time|env|xargs"
    r"|command|builtin)(?:[ \t]+-\S+)*|\b\w+=\S*)[ \t]*\Z"
)
_PROMPT = r"[ \t]*[$>#][ \t]+\Z"
_END = re.compile(r"[\n;|&<>)`]")
_OPTION = re.compile(r"(--?[A-Za-z][\w-]*)=")
_FARTHEST_BACK = 120


def is_command(code: str, start: int) -> bool:
    """Whether a command begins at `start` of masked code, and no argument of another one."""
    line = code.rfind("\n", 0, start) + 1
    head = code[max(line, start - _FARTHEST_BACK) : start]
    return bool(not head or re.search(_BEFORE, head) or re.match(_PROMPT, head))


def end_of_command(code: str, start: int) -> int:
    """Where the command that stands at `start` ends; a backslash takes it to the next line."""
    at = start
    while stop := _END.search(code, at):
        place = stop.start()
        if code[place] == "\n" and code[place - 1 : place] == "\\":
            at = place + 1
        elif code[place] in "<>&" and code[place - 1 : place + 2].strip("012<>&") == "":
            at = place + 1  # a redirection
        else:
            return place
    return len(code)


def words_of(fragment: Fragment, start: int, end: int) -> list[Span]:
    """The words between two places; a literal with blanks in it is part of one word."""
    code = fragment.code
    words: list[Span] = []
    at = start
    while at < end:
        if code[at] in " \t\n\\" and not (code[at] == "\\" and code[at + 1 : at + 2] not in "\n"):
            at += 1
            continue
        first = at
        while at < end and code[at] not in " \t\n":
            index = fragment.string_at(at)
            if index >= 0:
                at = max(at + 1, fragment.lexed.strings[index].end)
            elif code[at] in "({" and code[at - 1 : at] == "$":
                at = max(at + 1, fragment.close_of(at) + 1)
            else:
                at += 1
        words.append((first, min(at, end)))
    return words


def option_of(code: str, start: int, end: int) -> tuple[str, int]:
    """The keyword of a word such as `--name=value`, and where its value begins."""
    match = _OPTION.match(code, start, end)
    return (match[1], match.end()) if match else ("", start)
