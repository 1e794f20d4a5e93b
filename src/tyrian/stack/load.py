"""Reads stack files: `load_stack`, `parse_stack`, `default_stack`."""

import codecs
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from tyrian.core.model_faults import in_order
from tyrian.errors import StackError
from tyrian.stack.check import faults, with_absolute_paths
from tyrian.stack.schema import Stack
from tyrian.stack.source import read_source
from tyrian.stack.validate import to_stack

MAX_BYTES = 1_000_000


def load_stack(path: Path | str) -> Stack:
    """Read and check a stack file; StackError has the line, the column and a hint."""
    path = Path(path)
    return parse_stack(read_text(path), base=path.absolute().parent, file=str(path))


def parse_stack(text: str, *, base: Path, file: str) -> Stack:
    """Read and check the text of a stack file; `base` is where its relative paths start."""
    found = stack_faults(text, base=base, file=file)
    if isinstance(found, Stack):
        return found
    first, *others = found
    if not others:
        raise first
    more = f"{len(others)} more fault{'s' if len(others) > 1 else ''} in the file"
    hint = f"{first.hint} ({more})" if first.hint else more
    place = f"{first.file}:{first.line}:{first.column}: "
    raise StackError(
        first.message.removeprefix(place),
        file=first.file,
        line=first.line,
        column=first.column,
        hint=hint,
    )


def stack_faults(text: str, *, base: Path, file: str) -> Stack | list[StackError]:
    """The stack, or every fault that keeps the text from being one, in the order of the file."""
    try:
        source = read_source(text.removeprefix("\ufeff"), file)
        stack = with_absolute_paths(to_stack(source), base)
    except StackError as error:
        return [error]
    except ExceptionGroup as group:
        return [fault for fault in group.exceptions if isinstance(fault, StackError)]
    found = in_order(faults(stack, source))
    return found or stack


def default_text() -> str:
    """The text of the default stack, with its comments."""
    return files("tyrian.stack").joinpath("default.yaml").read_text("utf-8")


@lru_cache(maxsize=1)
def default_stack() -> Stack:
    """The stack that runs where no file is given."""
    return parse_stack(default_text(), base=Path.cwd(), file="default.yaml")


def read_text(path: Path) -> str:
    """The text of a file that should be a stack; StackError where it cannot be one."""
    try:
        if not path.is_file():
            raise _unreadable(path)
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from None
    if len(data) > MAX_BYTES:
        hint = "a stack file is a few hundred lines; is this the right file?"
        raise StackError(f"larger than {MAX_BYTES:,} bytes", file=str(path), hint=hint)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        hint = "save the file as UTF-8" + (" (it is UTF-16 now)" if is_utf16 else "")
        raise StackError("not UTF-8", file=str(path), line=line, column=column, hint=hint) from None


def _unreadable(path: Path, reason: str = "") -> StackError:
    if path.is_dir():
        return StackError("is a directory, not a stack file", file=str(path), hint="name the file")
    if not path.exists():
        hint = "check the path; `tyrian stack explain` without a file shows the default stack"
        return StackError("no such file", file=str(path), hint=hint)
    return StackError(
        reason or "not a regular file", file=str(path), hint="check that the file can be read"
    )
