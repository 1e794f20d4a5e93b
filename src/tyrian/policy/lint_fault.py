"""A fault that lint finds, before its place is known."""

from dataclasses import dataclass

from tyrian.core.yaml_source import KeyPath


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to look at."""

    rule: str
    severity: str
    path: KeyPath
    message: str
    hint: str = ""
    of_key: bool = False
