"""Shell and other programs, line by line: what fetches and runs, sends, hides or destroys."""

import re
from collections.abc import Iterator

from tyrian.supply.scan.code.places import SENSITIVE

_FETCH = r"(?:curl|wget|fetch|aria2c|Invoke-WebRequest|iwr|irm)\b"
_INTERPRETER = r"(?:sudo\s+(?:-\S+\s+)*)?(?:env\s+)?(?:/\S*/)?(?:ba|z|da|k|c|tc|fi)?sh\b"
_SHELL: tuple[tuple[str, str, str], ...] = (
    ("code-runs-code", "it runs what it fetches",
     rf"{_FETCH}[^\n;]*\|\s*(?:{_INTERPRETER}|(?:sudo\s+)?(?:/\S*/)?(?:python[\d.]*|perl|ruby|node|php)\b)"
     rf"|(?:ba|z|da|k)?sh\s+(?:-\w+\s+)?<\(\s*{_FETCH}|(?:eval|source|\.|-c)\s+[\"'`]?\$?\(?\s*{_FETCH}"
     rf"|(?:source|\.)\s+<\(\s*{_FETCH}|`\s*{_FETCH}[^`]*`\s*\|\s*{_INTERPRETER}"),
    ("code-hides", "it runs what it unpacks from an encoding",
     rf"(?:base64\s+(?:-d|-D|--decode)|xxd\s+-r|openssl\s+(?:enc|base64)[^\n|]*-d|rev\b|gunzip|zcat)"
     rf"[^\n;]*\|\s*(?:{_INTERPRETER}|(?:sudo\s+)?(?:python[\d.]*|perl|ruby|node)\b)"
     rf"|eval\s+[\"']?(?:\$\(|`)[^\n]*(?:base64|xxd|printf|rev\b|tr\s)"
     rf"|(?:printf|echo)\s+[^\n|]*\\x[0-9a-f]{{2}}[^\n|]*\|\s*{_INTERPRETER}"),
    ("code-connects", "it opens a connection for a shell",
     r"/dev/(?:tcp|udp)/|\bn(?:c|cat|etcat)\b[^\n]*\s-\w*[ec]\w*\b|\bmkfifo\b[^\n]*\bn(?:c|cat|etcat)\b"
     r"|\bsocat\b[^\n]*exec|\bbash\s+-i\b[^\n]*>&"),
    ("code-destroys", "it destroys what it does not own",
     r"\brm\s+(?:-\w+\s+)*-\w*[rf]\w*\s+(?:-\w+\s+)*(?:--no-preserve-root\s+)?[\"']?(?:/|~|\$HOME|\$\{HOME\})"
     r"[\"']?(?:\*|/\*)?(?:\s|$|;)|\bmkfs\b|\bdd\b[^\n]*\bof=/dev/(?:sd|nvme|vd|disk)|:\(\)\s*\{\s*:\|:"),
    ("code-runs-by-itself", "it has something run by itself from now on",
     r"\bcrontab\s+(?:-\s|-$|<|/|[\w./]+$)|\|\s*crontab\b|>>?\s*[\"']?(?:~|\$HOME|\$\{HOME\}|/root|/home/\w+)/\.\w*(?:rc|profile|login)\b"
     r"|>>?\s*/etc/|\bsystemctl\s+(?:--user\s+)?enable\b|\blaunchctl\s+load\b|LD_PRELOAD=|\bchmod\s+[ugo]*\+s\b"
     r"|\bchmod\s+[2467]\d{3}\b|\bschtasks\b[^\n]*/create|reg\s+add[^\n]*\\Run\b"),
    ("code-sends-secrets", "it sends files or secrets",
     rf"{_FETCH}[^\n]*\s(?:-d|--data\S*|-F|--form|-T|--upload-file|--post-(?:data|file))[= ][^\n]*"
     r"(?:@|\$\(|`|\$\{?(?:AWS|HF|GITHUB|OPENAI|SECRET|TOKEN|API)\w*)|\b(?:env|printenv|set)\s*\|[^\n]*"
     r"(?:curl|wget|nc|ncat|base64)|\b(?:scp|rsync)\b[^\n]*(?:~|\$HOME)/\.|\bnslookup\b[^\n]*\$\(|\bdig\b[^\n]*\$\("),
    ("code-runs-code", "it runs a program of PowerShell that is hidden or fetched",
     r"(?i:powershell[^\n]*\s-e(?:nc\w*|c)?\s|\biex\b|invoke-expression|downloadstring|downloadfile"
     r"|frombase64string|certutil[^\n]*-urlcache|bitsadmin|mshta\b|regsvr32\b|add-mppreference)"),
    ("code-runs-code", "it has another language run what stands in a line",
     r"\b(?:python[\d.]*|perl|ruby|node|php)\s+-\w*[ce]\w*\s+[\"'][^\n]*(?:exec|eval|system|socket|urlopen|b64decode"
     r"|subprocess|child_process)"),
)  # fmt: skip
_GENERIC: tuple[tuple[str, str, str], ...] = (
    ("code-runs-programs", "it runs programs",
     r"\bchild_process\b|\bexecSync\s*\(|\bspawnSync?\s*\(|\bos\.execute\s*\(|\bio\.popen\s*\("
     r"|(?<![\w.>])(?:system|popen|execl|execlp|execle|execv|execvp|execve|posix_spawn|WinExec|ShellExecuteA?|CreateProcess[AW]?)\s*\("
     r"|\bRuntime\.getRuntime\(\)|\bProcessBuilder\b|\bKernel\.(?:exec|system|spawn)|`[^`\n]*(?:curl|wget|bash)[^`\n]*`|%x\{"),
    ("code-runs-code", "it runs text as code",
     r"(?<![\w.])eval\s*\(|\bnew\s+Function\s*\(|\bloadstring\s*\(|\binstance_eval\b|\bvm\.runIn"),
    ("code-connects", "it opens a connection of its own",
     r"\brequire\s*\(\s*['\"](?:net|dgram|tls|http|https)['\"]|\bsocket\.tcp\s*\(|\bTCPSocket\b|(?<![\w.>])socket\s*\(\s*AF_INET"
     r"|\bIO::Socket\b"),
)  # fmt: skip
_SHELL_RULES = [(rule, why, re.compile(text)) for rule, why, text in _SHELL]
_GENERIC_RULES = [(rule, why, re.compile(text)) for rule, why, text in _GENERIC]
_FETCHED = re.compile(rf"{_FETCH}[^\n]*?(?:-o|-O|--output|>)\s*[\"']?([\w./~$-]+)")
_COMMENT = re.compile(r"\s*(?:#(?!!)|//|--|::|REM\b)")

LineFault = tuple[int, str, str]
"""Line, rule and reason."""


def shell_faults(text: str) -> Iterator[LineFault]:
    """What a shell script, or a line of a shell within another file, does."""
    joined = re.sub(r"\\\r?\n", "  ", text)
    lines = joined.splitlines()
    for number, line in enumerate(lines, 1):
        if _COMMENT.match(line):
            continue
        yield from _of_line(number, line, _SHELL_RULES)
        if found := SENSITIVE.search(line):
            yield number, "code-touches-secrets", f"it names {found[0][:80]!r}"
        for fetched in _FETCHED.finditer(line):
            if told := _run_later(fetched[1], lines[number - 1 :]):
                yield number, "code-runs-code", told


def _of_line(
    number: int, line: str, rules: list[tuple[str, str, re.Pattern[str]]]
) -> Iterator[LineFault]:
    for rule, why, pattern in rules:
        if found := pattern.search(line[:20_000]):
            yield number, rule, f"{why}: {found[0].strip()[:100]!r}"


def _run_later(file: str, lines: list[str]) -> str:
    """Whether a file that was fetched is made a program, or handed to a shell."""
    name = re.escape(file.rpartition("/")[2])
    if not name or name == "-":
        return ""
    started = re.compile(
        rf"chmod\s+\S*[x75]\S*\s+\S*{name}|(?:^|[;&|]\s*)\./\S*{name}|\b(?:ba|z|da)?sh\s+\S*{name}"
        rf"|\bpython[\d.]*\s+\S*{name}"
    )
    return f"it runs {file[:80]!r}, which it fetches" if any(map(started.search, lines)) else ""


def generic_faults(text: str) -> Iterator[LineFault]:
    """What a program in any other language does, as far as its words tell."""
    for number, line in enumerate(text.splitlines(), 1):
        if _COMMENT.match(line):
            continue
        yield from _of_line(number, line, _GENERIC_RULES)
        yield from _of_line(number, line, _SHELL_RULES)
        if found := SENSITIVE.search(line[:20_000]):
            yield number, "code-touches-secrets", f"it names {found[0][:80]!r}"
