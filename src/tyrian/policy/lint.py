"""What is allowed in a policy file and yet is hardly meant: wide, dead, or shadowed rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tyrian.core.yaml_source import KeyPath
from tyrian.policy.glob import GlobSet
from tyrian.policy.lint_fault import Fault
from tyrian.policy.lint_rules import (
    flow_faults,
    limit_faults,
    rule_faults,
    tool_faults,
    trust_faults,
)
from tyrian.policy.lint_values import (
    email_faults,
    fs_faults,
    net_faults,
    shell_faults,
    sql_faults,
)
from tyrian.policy.schema import PolicySpec
from tyrian.policy.validate import PolicySource


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing to look at, at its place."""

    rule: str
    """Stable id, such as `wide-glob`."""
    severity: str
    """`error` for what opens or disables the policy, else `warning`."""
    message: str
    hint: str
    file: str
    line: int
    column: int


def lint(spec: PolicySpec, source: PolicySource) -> list[LintFinding]:
    """All findings of a valid policy, in the order of the file."""
    found = [_placed(fault, source) for fault in _faults(spec, source)]
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.rule))


def _faults(spec: PolicySpec, source: PolicySource) -> Iterator[Fault]:
    yield from _top(spec)
    yield from tool_faults(spec)
    yield from fs_faults(spec)
    yield from _own_file(spec, source)
    yield from net_faults(spec)
    yield from email_faults(spec)
    yield from shell_faults(spec)
    yield from sql_faults(spec)
    yield from trust_faults(spec)
    yield from limit_faults(spec)
    yield from flow_faults(spec)
    yield from rule_faults(spec)


def _top(spec: PolicySpec) -> Iterator[Fault]:
    if spec.default == "allow":
        message = "tools that the policy does not name are allowed with any arguments"
        yield Fault("open-default", "error", ("default",), message, "use deny or ask")
    if spec.unknown_args == "allow":
        message = "arguments that the policy does not name are passed on unseen"
        yield Fault("open-arguments", "warning", ("unknown_args",), message, "use deny")
    if spec.mode == "shadow":
        message = "in shadow mode no call is stopped"
        yield Fault("shadow-mode", "warning", ("mode",), message, "use enforce")


def _own_file(spec: PolicySpec, source: PolicySource) -> Iterator[Fault]:
    if spec.fs is None or not Path(source.file).is_file():
        return
    own = str(Path(source.file).resolve())
    if GlobSet.of(spec.fs.write).matches(own) and not GlobSet.of(
        spec.fs.deny, is_deny=True
    ).matches(own):
        message = "the policy file itself may be written by the tools that it holds"
        path: KeyPath = ("fs", "write")
        yield Fault("own-file", "error", path, message, "put it elsewhere, or into fs.deny")


def _placed(fault: Fault, source: PolicySource) -> LintFinding:
    place = source.place(fault.path, of_key=fault.of_key)
    return LintFinding(
        fault.rule,
        fault.severity,
        fault.message,
        fault.hint,
        source.file,
        place.line,
        place.column,
    )
