"""Which language a file is in, by its name or its first line."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tyrian.detectors.code_shield.guess import guesses

_SURE = 20.0
"""The score that a shebang has."""

_BY_SUFFIX = """
python: py pyw pyi
javascript: js jsx mjs cjs
typescript: ts tsx mts cts
java: java
c: c
cpp: cpp cc cxx c++ h hpp hxx hh h++ ino cu cuh
csharp: cs csx
php: php phtml php3 php4 php5 php7 php8
go: go
rust: rs
ruby: rb rake gemspec ru
kotlin: kt kts
swift: swift
shell: sh bash zsh ksh
sql: sql
dockerfile: dockerfile containerfile
terraform: tf tfvars hcl
yaml: yaml yml
html: html htm xhtml vue svelte erb
"""
_BY_NAME = """
dockerfile: dockerfile containerfile
ruby: rakefile gemfile vagrantfile podfile fastfile
shell: .bashrc .bash_profile .profile .zshrc .zprofile
"""


def _table(text: str) -> Mapping[str, str]:
    lines = (line.partition(":") for line in text.strip().splitlines())
    return MappingProxyType({word: tag for tag, _, words in lines for word in words.split()})


_SUFFIXES = _table(_BY_SUFFIX)
_NAMES = _table(_BY_NAME)


def tag_of_name(path: Path) -> str | None:
    """The language that the file's name tells; `yaml` and `html` are for the text to settle."""
    name = path.name.lower()
    stem = name.partition(".")[0]
    if name in _NAMES:
        return _NAMES[name]
    if stem in ("dockerfile", "containerfile"):
        return "dockerfile"
    return _SUFFIXES.get(name.rpartition(".")[2]) if "." in name else None


def tag_of_start(start: bytes) -> str | None:
    """The language that a shebang names; None without one."""
    if not start.startswith(b"#!"):
        return None
    line = start.partition(b"\n")[0].decode("utf-8", "replace")
    found = guesses(line)
    return found[0].language if found and found[0].score >= _SURE else None
