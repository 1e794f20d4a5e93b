"""Tells lines of code from lines of prose, where no fence does."""

import re
from functools import lru_cache

_MOST_LINES = 20_000
_BLANK_BETWEEN = 2
"""Blank lines that a run of code may hold in a row."""

_CODE_TEXT = (
    r"[;{}]\s*$"
    r"|^\s*(?:#include|#define|import [\w.{*]|from [\w.]+ import|package |using [\w.]+;"
    r"|use [\w:\\]+;"
    r"|def \w+\s*\(|class \w+.*[:{]\s*$|func \w*\(|function\b|fn \w+|(?:public|private"
    r"|protected|static) "
    r"|(?:const|let|var|val) \w+|return\b.*[;)\]\w]$|(?:if|for|while|elif|else|try|except"
    r"|with|switch)\b.*[:{]\s*$"
    r"|end\s*$|fi\s*$|done\s*$|<\?php|#!/|@\w+(?:\(.*\))?\s*$|//|/\*|\*/|--\s|\$\w+\s*=)"
    r"|^\s*[A-Za-z_$][\w$.\[\]>:-]*\s*(?:[+.|:]?=(?!=)|:=|<<)\s*\S"
    r"|^\s*[A-Za-z_$][\w$.]*(?:(?:->|::|\.)[\w$]+)*!?\(.*\)?\s*[;,\\{]?\s*$"
    r"|^\s*[)\]}]+[;,)]*\s*$"
    r"|^(?:RUN|FROM|COPY|ADD|CMD|ENTRYPOINT|ENV|USER|WORKDIR|EXPOSE)\s+\S+"
    r"|^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|DROP|ALTER|GRANT|EXEC)\s+\S.*;?\s*$"
    r"|^\s*(?:apiVersion|kind|spec|metadata|containers):"
    r"|^[+-][^\s+-].*[;(){}=]|^@@ "
)
_SHELL_TEXT = (
    r"^\s*(?:\$ |sudo |rm -|curl -|curl http|wget -|wget http|chmod [-+0-7ugoa]|chown -"
    r"|dd if=|mkfs|nc -"
    r"|bash -|sh -c|export \w+=|docker run |kubectl |apt(?:-get)? (?:-y )?install"
    r"|pip3? install |npm i"
    r"|echo .*[|>]|cat .*[|<>]|find / |find \. |tar -|ssh |scp |iptables -|crontab |base64 -"
    r"|python3? -c"
    r"|git (?:clone|config) |:\(\)\s*\{|eval \"|source <\(|kill -|history -|useradd "
    r"|usermod |mount -|nsenter )"
)
_WORDS = re.compile(r"[A-Za-z']+")
_PROSE = re.compile(
    r"^\s*(?:[-*•]|\d+[.)])\s+[A-Z]\w+ \w+|[a-z]{2,}[,.] [A-Za-z]+ [a-z]+ [a-z]+|[.?!:]\s*$",
    re.ASCII,
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_CODE_TEXT), re.compile(_SHELL_TEXT)


def is_code(line: str) -> bool:
    """Whether a line reads as code rather than as prose."""
    if len(line) > 2000:
        line = line[:2000]
    code, shell = _patterns()
    if shell.match(line):
        return True
    if not code.search(line):
        return False
    if line.lstrip().startswith(("#", "//", "/*", "*", "--", "import", "from", "def", "class")):
        return True
    words = _WORDS.findall(line)
    is_sentence = len(words) > 6 and bool(_PROSE.search(line)) and line.count("(") < 2
    return not (is_sentence and not line.rstrip().endswith((";", "{", "}", ")")))


def code_runs(text: str) -> list[tuple[int, int]]:
    """Spans of the text in which most lines are code; whole lines only.

    A single line counts only where the text has no other one: prose often names a call.
    """
    lines = text.split("\n", _MOST_LINES)
    filled = sum(1 for line in lines if line.strip())
    runs: list[tuple[int, int]] = []
    begin = end = -1
    code = other = blanks = 0
    at = 0
    least = 1 if filled <= 1 else 2

    def close() -> None:
        if begin >= 0 and code >= least and code >= other:
            runs.append((begin, end))

    for line in lines:
        stop = at + len(line)
        if not line.strip():
            blanks += 1
        elif is_code(line):
            if begin < 0:
                begin, code, other = at, 0, 0
            code, end, blanks = code + 1, stop, 0
        elif begin >= 0:
            is_indented = line[:1] in " \t"
            if blanks > _BLANK_BETWEEN or (blanks and not is_indented and _is_prose(line)):
                close()
                begin = -1
            else:
                other += 1
                if not is_indented and _is_prose(line):
                    close()
                    begin = -1
            blanks = 0
        at = stop + 1
    close()
    return runs


def _is_prose(line: str) -> bool:
    words = _WORDS.findall(line[:400])
    return len(words) > 4 and not re.search(r"[=(){};\[\]<>|&$]", line[:400])
