"""Programs with a planted bug in one function, an input that crashes them, and known patches."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tyrian.errors import InputError

BROKEN, UNCHANGED = "broken", "unchanged"
"""Patches that every program has: one that does not build, one that changes nothing."""


@dataclass(frozen=True, slots=True)
class Program:
    """One small program of C or C++.

    `run(data, size, out)` is its way in; what it writes to `out` is its behaviour.
    """

    name: str
    title: str
    cwe: str
    language: str
    function: str
    before: str
    vulnerable: str
    after: str
    crash: bytes
    seeds: tuple[bytes, ...]
    patches: Mapping[str, str]
    """`fixed` is right, `narrow` stops the known crash alone, `wrong` changes what works."""

    def source(self, function: str) -> str:
        """The whole program with this text in place of its function."""
        return "\n\n".join((self.before, function, self.after)) + "\n"


@cache
def program_names() -> tuple[str, ...]:
    """Names of the programs that come with Tyrian, in order."""
    folder = files("tyrian.evals.patching") / "programs"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def program_named(name: str) -> Program:
    """One program; InputError where there is none of that name."""
    if name not in program_names():
        raise InputError(f"there is no program {name!r}", hint=", ".join(program_names()))
    text = (files("tyrian.evals.patching") / "programs" / f"{name}.toml").read_text("utf-8")
    read = tomllib.loads(text)
    patches = {kind: patch.strip("\n") for kind, patch in read["patches"].items()}
    vulnerable = read["vulnerable"].strip("\n")
    return Program(
        name=name,
        title=read["title"],
        cwe=read["cwe"],
        language=read["language"],
        function=read["function"],
        before=read["before"].strip("\n"),
        vulnerable=vulnerable,
        after=read["after"].strip("\n"),
        crash=bytes.fromhex(read["crash"]),
        seeds=tuple(bytes.fromhex(seed) for seed in read["seeds"]),
        patches={
            **patches,
            BROKEN: patches["fixed"].rstrip().removesuffix("}"),
            UNCHANGED: vulnerable,
        },
    )
