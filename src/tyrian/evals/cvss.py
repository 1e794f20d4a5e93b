"""Base scores of CVSS 3.1 vectors.

Source: Common Vulnerability Scoring System v3.1, specification document, sections 7.1 and A.
"""

import re
from collections.abc import Mapping
from math import prod
from types import MappingProxyType

_VALUES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
        "AC": {"L": 0.77, "H": 0.44},
        "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
        "UI": {"N": 0.85, "R": 0.62},
        "S": {"U": 0.0, "C": 1.0},
        "C": {"N": 0.0, "L": 0.22, "H": 0.56},
        "I": {"N": 0.0, "L": 0.22, "H": 0.56},
        "A": {"N": 0.0, "L": 0.22, "H": 0.56},
    }
)
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
_VECTOR = re.compile(r"CVSS:3\.[01](?:/[A-Z]{1,3}:[A-Z])+")


def base_score(vector: str) -> float | None:
    """The score of a vector, 0 to 10 in tenths; None where a base metric is missing or unknown."""
    metrics = dict(part.split(":", 1) for part in vector.split("/")[1:] if ":" in part)
    if any(metrics.get(name) not in known for name, known in _VALUES.items()):
        return None
    is_changed = metrics["S"] == "C"
    value = {name: known[metrics[name]] for name, known in _VALUES.items()}
    if is_changed:
        value["PR"] = _PRIVILEGES_CHANGED[metrics["PR"]]
    lost = 1 - prod(1 - value[name] for name in "CIA")
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if is_changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitable = 8.22 * value["AV"] * value["AC"] * value["PR"] * value["UI"]
    return _rounded_up(min((1.08 if is_changed else 1.0) * (impact + exploitable), 10.0))


def last_vector(text: str) -> str:
    """The last vector in a text; empty where there is none."""
    found = _VECTOR.findall(text)
    return found[-1] if found else ""


def _rounded_up(value: float) -> float:
    """To the next tenth, in whole numbers, as the specification wants it."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
