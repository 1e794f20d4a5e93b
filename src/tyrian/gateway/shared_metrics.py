"""Metrics of several workers as one: each writes what it counted, and whoever is asked adds it up.

A worker that has died counted too: its counters stay in the sums, so that they never go back.
"""

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

EVERY_S: Final = 2.0
"""How often a worker writes down what it counted."""

_LEAST: Final = ("tyrian_upstream_healthy",)
_GREATEST: Final = ("tyrian_upstream_circuit_open",)


class Board:
    """The directory in which workers of one gateway tell of themselves."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._own = directory / f"{os.getpid()}.prom"

    def publish(self, registry: CollectorRegistry) -> None:
        """Let the others see what this worker has counted; OSError where the disk refuses."""
        draft = self._own.with_suffix(".draft")
        draft.write_bytes(generate_latest(registry))
        draft.replace(self._own)

    async def publish_on(self, registry: CollectorRegistry) -> None:
        """Publish again and again, until it is cancelled; and once more then."""
        try:
            while True:
                with suppress(OSError):
                    await asyncio.to_thread(self.publish, registry)
                await asyncio.sleep(EVERY_S)
        finally:
            with suppress(OSError):
                self.publish(registry)

    def render(self, registry: CollectorRegistry) -> bytes:
        """The metrics of all workers, in Prometheus' text."""
        texts = [generate_latest(registry).decode()]
        for path in sorted(self._directory.glob("*.prom")):
            # One may be written anew at this moment, or hold what a full disk left of it.
            with suppress(OSError, ValueError):
                if path != self._own:
                    text = path.read_text()
                    list(text_string_to_metric_families(text))
                    texts.append(text if _is_alive(path) else _past(text))
        return generate_latest(_Summed(added_up(texts)))


def _is_alive(path: Path) -> bool:
    try:
        os.kill(int(path.stem), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _past(text: str) -> str:
    """What counts of a worker that is gone: all but what it was just doing."""
    kept = [family for family in text_string_to_metric_families(text) if family.type != "gauge"]
    return generate_latest(_Summed(kept)).decode()


def added_up(texts: Iterable[str]) -> list[Metric]:
    """The sums of the samples that have one name and the same labels."""
    found: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            sums = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                before = sums.get(key)
                sums[key] = sample.value if before is None else _joined(sample, before)
    for name, metric in found.items():
        metric.samples = [
            Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()
        ]
    return list(found.values())


def _joined(sample: Sample, before: float) -> float:
    if sample.name in _LEAST or sample.name.endswith("_created"):
        return min(before, sample.value)
    if sample.name in _GREATEST:
        return max(before, sample.value)
    return before + sample.value


class _Summed(CollectorRegistry):
    """Shows metrics that were added up elsewhere."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """The metrics."""
        return self._metrics
