"""The reference names what the gateway has."""

import re
from pathlib import Path

import pytest

from tyrian.gateway.app import PREFIXES
from tyrian.gateway.hazards import TO_CATEGORIES
from tyrian.gateway.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "gateway.md").read_text()
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src/tyrian/gateway").rglob("*.py"))


@pytest.mark.parametrize("code", sorted(set(re.findall(r'code="([a-z_]+)"', SOURCE))))
def test_every_error_code_is_in_the_reference(code: str) -> None:
    assert f"`{code}`" in REFERENCE


@pytest.mark.parametrize("metric", [metric.name for metric in Metrics().registry.collect()])
def test_every_metric_is_in_the_reference(metric: str) -> None:
    assert f"`{metric}" in REFERENCE


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_is_in_the_reference(prefix: str) -> None:
    assert f"`{prefix}" in REFERENCE


@pytest.mark.parametrize("hazard", TO_CATEGORIES)
def test_every_mapped_hazard_is_in_the_reference(hazard: str) -> None:
    line = next(row for row in REFERENCE.splitlines() if row.startswith(f"| {hazard} "))
    assert set(re.findall(r"`([^`]+)`", line)) == set(TO_CATEGORIES[hazard])
