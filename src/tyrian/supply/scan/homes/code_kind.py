"""Which files beside a model are code."""

import re
from pathlib import PurePosixPath

_SHELL = frozenset({"sh", "bash", "zsh", "ksh", "ps1", "bat", "cmd", "psm1", "command"})
_OTHER = frozenset(
    {"js", "mjs", "cjs", "ts", "rb", "pl", "lua", "php", "r", "jl", "go", "rs", "java", "c", "cc",
     "cpp", "cxx", "cu", "cuh", "h", "hpp", "vbs"}
)  # fmt: skip
_PACKAGES = re.compile(r"(?:requirements|constraints)[\w.-]*\.(?:txt|in)\Z|environment\.ya?ml\Z"
                       r"|(?:python_env|conda)\.ya?ml\Z|pipfile\Z")  # fmt: skip
_SHELL_NAMES = frozenset({"dockerfile", "makefile", "containerfile", "justfile", "procfile"})


def code_kind(name: str, head: bytes) -> str:
    """The kind of code that a file is, by its name and first line; empty where it is none."""
    last = PurePosixPath(name).name.lower()
    kind = PurePosixPath(last).suffix[1:]
    if _PACKAGES.match(last):
        return "packages"
    if last == "modelfile" or kind == "modelfile":
        return "modelfile"
    if last in _SHELL_NAMES or last.startswith("dockerfile."):
        return "shell"
    if kind in ("py", "pyw", "pyi"):
        return "python"
    if kind == "ipynb":
        return "notebook"
    if kind in _SHELL:
        return "shell"
    if kind in _OTHER:
        return "other"
    if head[:2] == b"#!":
        return "python" if b"python" in head.partition(b"\n")[0] else "shell"
    return ""
