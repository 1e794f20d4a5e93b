"""Diffs and transcripts: what is no code in them is made blank, so that offsets stay."""

import re

from tyrian.detectors.code_shield.languages import language_of_tag

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_FILE = re.compile(r"^\+\+\+ [^\n]*?(?:\.(\w+)|/(Dockerfile))[ \t]*$", re.MULTILINE)
_HUNK = re.compile(r"^@@ ", re.MULTILINE)
_HEAD = ("diff ", "index ", "@@", "+++", "---", "new file", "deleted file", "rename ", "similarity")
_PYTHON_PROMPT = re.compile(r"^[ \t]*(?:>>> |\.\.\. )", re.MULTILINE)
_IPYTHON_PROMPT = re.compile(r"^[ \t]*In \[\d+\]: ", re.MULTILINE)
_SHELL_PROMPT = re.compile(
    r"^[ \t]*(?:\([\w.-]+\) )?(?:[\w.-]+@[\w.-]+[^\n$#]{0,60})?[$#%] ", re.MULTILINE
)


def is_diff(tag: str, code: str) -> bool:
    """A diff by its tag, or by the heads of its hunks."""
    return tag.startswith(("diff", "patch", "udiff")) or (not tag and bool(_HUNK.search(code)))


def language_of_diff(tag: str, code: str) -> str | None:
    """The language that the tag (`diff-python`) or the name of the changed file shows."""
    known = language_of_tag(tag.partition("-")[2])
    if known:
        return known
    named = _FILE.search(code)
    return language_of_tag(named[1] or named[2]) if named else None


def added(code: str) -> str:
    """The added lines and those around them; everything else blank."""
    pieces = []
    for match in _LINE.finditer(code):
        line = match[0]
        if line.startswith("-") or line.startswith(_HEAD):
            pieces.append(_blank(line))
        elif line.startswith("+"):
            pieces.append(" " + line[1:])
        else:
            pieces.append(line)
    return "".join(pieces)


def typed(code: str, language: str) -> str:
    """What was typed at prompts, without the prompts and what was printed."""
    if language == "python":
        prompt = _PYTHON_PROMPT if ">>> " in code else _IPYTHON_PROMPT
    elif language == "shell":
        prompt = _SHELL_PROMPT
    else:
        return code
    first = prompt.search(code)
    if first is None or (language == "shell" and not _is_transcript(code)):
        return code
    pieces = []
    continues = False
    for match in _LINE.finditer(code):
        line = match[0]
        lead = prompt.match(line)
        if lead:
            pieces.append(" " * lead.end() + line[lead.end() :])
        elif continues:
            pieces.append(line)
        else:
            pieces.append(_blank(line))
        continues = bool(lead or continues) and line.rstrip().endswith("\\")
    return "".join(pieces)


def _is_transcript(code: str) -> bool:
    """Most lines with a `#` in front are comments; a `$` in front is a prompt."""
    return any(line.lstrip().startswith("$ ") for line in code.splitlines()) or bool(
        re.search(r"^[ \t]*[\w.-]+@[\w.-]+[^\n$#]{0,60}[$#] ", code, re.MULTILINE)
    )


def _blank(line: str) -> str:
    return " " * (len(line) - 1) + "\n" if line.endswith("\n") else " " * len(line)
