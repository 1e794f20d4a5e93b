"""All rules of the scan, from the files of their families."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.supply.scan.rules import code, container, graph, pickle, tensors, text
from tyrian.supply.scan.rules.rule import ScanRule

_FAMILIES = (pickle, container, tensors, graph, text, code)

RULES: Mapping[str, ScanRule] = MappingProxyType(
    {rule.id: rule for family in _FAMILIES for rule in family.RULES}
)
"""By id."""


def rule_of(name: str) -> ScanRule:
    """The rule of that id."""
    return RULES[name]
