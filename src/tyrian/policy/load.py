"""Reads policy files, with every fault at its place."""

from pathlib import Path

from tyrian.core.model_faults import in_order
from tyrian.core.yaml_source import read_yaml
from tyrian.errors import PolicyError
from tyrian.policy.check import faults
from tyrian.policy.schema import CaseSpec, CasesSpec, PolicySpec
from tyrian.policy.validate import PolicySource, to_spec

MAX_BYTES = 4_000_000
_START = "a policy starts with 'version: 1' and 'tools:'; see the reference of policies"


def policy_faults(text: str, file: str) -> PolicySpec | list[PolicyError]:
    """The policy, or every fault that keeps the text from being one, in the order of the file."""
    found = policy_and_source(text, file)
    return found if isinstance(found, list) else found[0]


def policy_and_source(text: str, file: str) -> tuple[PolicySpec, PolicySource] | list[PolicyError]:
    """The policy with the places of its parts, or every fault of the text."""
    try:
        text = text.removeprefix("\ufeff")
        source = read_yaml(text, file, PolicyError, kind="policy", start=_START)
        spec = to_spec(source, PolicySpec)
    except PolicyError as error:
        return [error]
    except ExceptionGroup as group:
        return [fault for fault in group.exceptions if isinstance(fault, PolicyError)]
    return in_order(faults(spec, source)) or (spec, source)


def load_cases(path: Path) -> tuple[CaseSpec, ...]:
    """The cases of a file that holds nothing else; PolicyError for the first fault."""
    try:
        text = read_text(path)
        source = read_yaml(text, str(path), PolicyError, kind="list of cases", start=_START)
        return to_spec(source, CasesSpec).cases
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def read_text(path: Path) -> str:
    """The text of a file that should be a policy; PolicyError where it cannot be one."""
    try:
        if not path.is_file():
            reason = "is a directory" if path.is_dir() else "no such file"
            raise PolicyError(reason, file=str(path), hint="name a policy file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise PolicyError(reason, file=str(path), hint="check that it can be read") from None
    if len(data) > MAX_BYTES:
        raise PolicyError(f"larger than {MAX_BYTES:,} bytes", file=str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        hint = "save the file as UTF-8"
        raise PolicyError("not UTF-8", file=str(path), line=line, column=1, hint=hint) from None
