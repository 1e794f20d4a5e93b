"""Detonation reports made shorter: hashes and long texts say little about what a program does."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_HASH = re.compile(r"\b[0-9a-f]{32,}\b")
_TEXT, _ITEMS = 300, 60


def shortened(value: Any, text: int = _TEXT, items: int = _ITEMS) -> Any:
    """The report with hashes named `hash`, texts cut, lists cut, and empty fields left out.

    Identifiers of ATT&CK stay; what was cut from a list is counted at its end.
    """
    if isinstance(value, str):
        plain = _HASH.sub("hash", value)
        return plain if len(plain) <= text else plain[:text] + "..."
    if isinstance(value, Mapping):
        kept = {name: shortened(inner, text, items) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, "", [], {})}
    if isinstance(value, list):
        kept_items = [shortened(inner, text, items) for inner in value[:items]]
        more = len(value) - items
        return kept_items + ([f"... and {more} more"] if more > 0 else [])
    return value


def shortened_upstream(report: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The published way: some keys alone, and ATT&CK ids lost by a misspelt key."""
    kept = {key: _without_hashes(report[key]) for key in keys if key in report}
    kept["signatures"] = [
        {**one, "description": one["description"][:50]} if "description" in one else one
        for one in kept.get("signatures", [])
    ]
    kept["mitre_attcks"] = [
        {key: one[key] for key in ("tactic", "technique", "attck\\_id") if key in one}
        for one in kept.get("mitre_attcks", [])
    ]
    return kept


def _without_hashes(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{32,}", "hash", value)
    if isinstance(value, dict):
        return {name: _without_hashes(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_hashes(inner) for inner in value]
    return value
