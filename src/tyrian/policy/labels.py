"""Labels that values seen in a trace may carry, and the detectors that find them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

DETECTORS: Mapping[str, str] = MappingProxyType(
    {
        "secret": "secrets",
        "email": "pii",
        "phone": "pii",
        "card": "pii",
        "iban": "pii",
        "national-id": "pii",
        "ip": "pii",
        "mac": "pii",
        "crypto": "pii",
    }
)
"""The detector of each label. A policy names both by string: it needs none to be loaded."""

PII = "pii"
"""Stands in a policy for all labels of personal data."""

NAMES = (*DETECTORS, PII)


def spelled_out(labels: Iterable[str]) -> frozenset[str]:
    """The labels that the words of a policy stand for."""
    found: set[str] = set()
    for label in labels:
        found |= (
            {one for one, kind in DETECTORS.items() if kind == PII} if label == PII else {label}
        )
    return frozenset(found)
