"""The rules of the gate, read from `rules.yaml`: what each means, and what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
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


class _Rules(Mapping[str, GateRule]):
    """Read when the first is asked for: a change without findings needs none."""

    @cached_property
    def _all(self) -> dict[str, GateRule]:
        text = Path(__file__).with_name("rules.yaml").read_text("utf-8")
        rules = [_rule(row) for row in yaml.load(text, Loader)]  # noqa: S506  a safe loader
        return {rule.id: rule for rule in rules}

    def __getitem__(self, name: str) -> GateRule:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


RULES = _Rules()
"""By id. A small file of our own, without which no finding can be made."""

SEVERITIES = tuple(Severity)
"""From the least to the worst."""
