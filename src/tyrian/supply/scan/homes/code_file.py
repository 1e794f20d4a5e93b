"""Code that lies in the directory of a model: programs, notebooks, lists of packages."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tyrian.supply.scan.code.patterns import LineFault, generic_faults, shell_faults
from tyrian.supply.scan.code.places import BY_ITSELF
from tyrian.supply.scan.code.python import python_faults
from tyrian.supply.scan.code.requirements import requirement_faults
from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.modelfile import modelfile_faults
from tyrian.supply.scan.strict_json import JsonError, decode

_RUN = re.compile(r"(?m)^(?:RUN|CMD|ENTRYPOINT|SHELL)\s+(?:\[)?")
_MAGIC = re.compile(r"\s*(?:[!%]|\?)")
_TO_SHELL = re.compile(r"\s*(?:!|%%?(?:bash|sh|sx|system|script|cmd)\b)")


def scan_code(kind: str, text: str, report: Collector, name: str) -> None:
    """All that is to be said of code of a kind."""
    if kind == "python":
        _scan_python(text, report, name)
    elif kind == "notebook":
        _scan_notebook(text, report)
    else:
        faults = {
            "packages": requirement_faults,
            "modelfile": modelfile_faults,
            "shell": _scripted,
            "other": generic_faults,
        }[kind](text)
        _note(faults, text, report)


def _scripted(text: str) -> Iterator[LineFault]:
    return shell_faults(_RUN.sub("", text))


def _note(faults: Iterator[LineFault], text: str, report: Collector) -> None:
    starts = _line_starts(text)
    for line, rule, why in faults:
        report.add(rule, starts[min(line, len(starts)) - 1], f"line {line}: {why}")


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode("utf-8", "replace")))
    return starts


def _scan_python(text: str, report: Collector, name: str) -> None:
    if PurePosixPath(name).name.lower() in BY_ITSELF:
        report.add("code-runs-by-itself", 0, "Python runs a file of this name whenever it starts")
    starts = _line_starts(text)
    try:
        for line, column, rule, why in python_faults(text):
            place = starts[min(line, len(starts)) - 1] + column
            report.add(rule, place, f"line {line}: {why}")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        told = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        report.add("not-examined", 0, f"it is no Python that can be read here: {told}")
        _note(generic_faults(text), text, report)


def _scan_notebook(text: str, report: Collector) -> None:
    try:
        value = decode(text.encode("utf-8", "replace"))
    except JsonError as error:
        report.add("json-malformed", error.offset, f"it {error}")
        return
    cells = value.get("cells") if isinstance(value, dict) else None
    if not isinstance(cells, list):
        report.add("json-malformed", 0, "it is no notebook: it has no cells")
        return
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            lines = source if isinstance(source, list) else str(source).splitlines(keepends=True)
            _scan_cell("".join(map(str, lines)), report.inside(f"cell {number}"))


def _scan_cell(text: str, report: Collector) -> None:
    if _TO_SHELL.match(text) and text.lstrip().startswith("%%"):
        _note(shell_faults(text.partition("\n")[2]), text, report)
        return
    lines = text.splitlines(keepends=True)
    shell = "".join(line.lstrip()[1:] if _TO_SHELL.match(line) else "\n" for line in lines)
    _note(shell_faults(shell), text, report)
    plain = "".join(_without_magic(line) for line in lines)
    starts = _line_starts(text)
    try:
        for line, _, rule, why in python_faults(plain):
            report.add(rule, starts[min(line, len(starts)) - 1], f"line {line}: {why}")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _note(generic_faults(plain), text, report)


def _without_magic(line: str) -> str:
    if not _MAGIC.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass\n"
