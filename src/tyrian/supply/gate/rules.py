"""The rules of the gate, read from `rules.yaml`: what each means, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from tyrian.core.detection import Severity

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The quick one, where PyYAML was built with it; both read the same."""

NOT_EXAMINED = "not-examined"


@dataclass(frozen=True, slots=True)
class GateRule:
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    reason: str
    """What can happen."""
    fix: str
    reference: str
    owasp: tuple[str, ...]
    """Entries of the OWASP Top 10 for LLM Applications (2025)."""
    atlas: tuple[str, ...]
    """Techniques of MITRE ATLAS."""
    is_waivable: bool = True


def _rule(row: Mapping[str, Any]) -> GateRule:
    return GateRule(
        id=str(row["id"]),
        severity=Severity(row["severity"]),
        title=str(row["title"]),
        reason=str(row["reason"]),
        fix=str(row["fix"]),
        reference=str(row["reference"]),
        owasp=tuple(row["owasp"]),
        atlas=tuple(row["atlas"]),
        is_waivable=row.get("waivable") is not False,
    )


def _load() -> Mapping[str, GateRule]:
    text = files("tyrian.supply.gate").joinpath("rules.yaml").read_text("utf-8")
    rules = [_rule(row) for row in yaml.load(text, Loader)]  # noqa: S506  a safe loader
    return MappingProxyType({rule.id: rule for rule in rules})


RULES = _load()
"""By id. A small file of our own, without which no finding can be made."""

SEVERITIES = tuple(Severity)
"""From the least to the worst."""
