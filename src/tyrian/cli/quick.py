"""Plain calls of some commands without the command line's parser, which costs more than they do.

Each of these commands is a function whose signature says what it takes: what may stand by position
is its argument, what is named alone are its options. The command of the parser has the same
parameters, hands them on, and is what help shows; a test holds both together. The parser has the
last word on everything that is not one of the plainest forms: help, errors, abbreviations, values
from the environment, completion.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FunctionType, MappingProxyType

from tyrian.cli.imported import imported

QUICK: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("gate",): "tyrian.cli.gate_run:run_gate",
        ("model", "scan"): "tyrian.cli.model_scan_run:run_scan",
        ("model", "lock"): "tyrian.cli.model_lock_run:run_lock",
        ("model", "verify"): "tyrian.cli.model_verify_run:run_verify",
        ("attest", "sign"): "tyrian.cli.attest_sign_run:run_sign",
        ("attest", "verify"): "tyrian.cli.attest_verify_run:run_verify",
    }
)
"""`module:function` by the words that call it."""
_SPELT: Mapping[str, tuple[str, ...]] = {
    "output_format": ("--format",),
    "lock_path": ("--lock",),
    "data": ("--dataset",),
    "day": ("--date",),
    "output": ("--output", "-o"),
    "quiet": ("--quiet", "-q"),
}
"""Options that are not spelt as their parameter, or shorter too."""
_LISTS: frozenset[object] = frozenset((list[str], list[str] | None, list[Path], list[Path] | None))
_TEXTS: frozenset[object] = frozenset((str, list[str], list[str] | None))
_PATHS: frozenset[object] = frozenset((Path, Path | None, list[Path], list[Path] | None))


class _NotPlain(Exception):  # noqa: N818  # no error: the parser reads on
    pass


def quick_call(words: Sequence[str]) -> Callable[[], int] | None:
    """What these words call; None where the whole parser has to look."""
    if any(name.startswith(("TYRIAN_", "_TYRIAN")) for name in os.environ):
        return None
    count = next((size for size in (1, 2) if tuple(words[:size]) in QUICK), 0)
    if not count:
        return None
    function = imported(QUICK[tuple(words[:count])])
    try:
        return partial(function, **values_of(function, words[count:]))
    except _NotPlain:
        return None


def spelt(parameter: str) -> tuple[str, ...]:
    """How the option of a parameter is written."""
    return _SPELT.get(parameter, (f"--{parameter.replace('_', '-')}",))


def values_of(function: FunctionType, words: Sequence[str]) -> dict[str, object]:
    """The values of the parameters that words name; raises where the parser has to look."""
    code, kinds = function.__code__, function.__annotations__
    argument = code.co_varnames[0]
    names = code.co_varnames[1 : 1 + code.co_kwonlyargcount]
    options = {word: name for name in names for word in spelt(name)}
    said: dict[str, list[str]] = {}
    for name, text in _said(words, argument, options, kinds):
        said.setdefault(name, []).append(text)
    values = {name: _value(name, kinds[name], texts) for name, texts in said.items()}
    needed = set(names) - (function.__kwdefaults__ or {}).keys()
    if not function.__defaults__:
        needed.add(argument)
    if needed - values.keys():
        raise _NotPlain
    return values


def _said(
    words: Sequence[str], argument: str, options: Mapping[str, str], kinds: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            yield argument, word
        elif word not in options:
            raise _NotPlain
        else:
            name = options[word]
            yield name, word if kinds[name] is bool else next(rest, "")


def _value(name: str, kind: object, texts: list[str]) -> object:
    if kind is bool:
        return True
    if kind not in _LISTS and len(texts) > 1:
        raise _NotPlain
    values = [_read(name, kind, text) for text in texts]
    return values if kind in _LISTS else values[0]


def _read(name: str, kind: object, text: str) -> object:
    if not text or text.startswith("-"):
        raise _NotPlain
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if text not in list(kind):
            raise _NotPlain
        return kind(text)
    if kind in _TEXTS:
        return text
    if kind in _PATHS and _is_usable(text, must_be_directory=name == "directory"):
        return Path(text)
    raise _NotPlain


def _is_usable(path: str, *, must_be_directory: bool) -> bool:
    """Whether the parser would have nothing to say of a path."""
    if must_be_directory and not os.path.isdir(path):
        return False
    return not os.path.exists(path) or os.access(path, os.R_OK)
