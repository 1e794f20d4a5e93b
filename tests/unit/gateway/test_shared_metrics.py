"""Metrics of several workers as one."""

import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from tyrian.gateway.shared_metrics import Board


def counted(requests: int, *, in_flight: int = 0, healthy: int = 1) -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = Counter("tyrian_requests", "Requests.", ["route"], registry=registry)
    counter.labels("chat").inc(requests)
    seconds = Histogram("tyrian_seconds", "Time.", buckets=(1, 2), registry=registry)
    for _ in range(requests):
        seconds.observe(1.5)
    Gauge("tyrian_requests_in_flight", "Now.", registry=registry).set(in_flight)
    Gauge("tyrian_upstream_healthy", "Up.", registry=registry).set(healthy)
    return registry


def samples(text: bytes) -> dict[str, float]:
    return {
        sample.name + "".join(f"/{v}" for v in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def test_counters_and_histograms_of_all_workers_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "1.prom").write_bytes(Board(tmp_path / "x").render(counted(3, in_flight=2)))
    found = samples(Board(tmp_path).render(counted(4, in_flight=1)))
    assert found["tyrian_requests_total/chat"] == 7
    assert found["tyrian_seconds_count"] == 7
    assert found["tyrian_seconds_bucket/2.0"] == 7
    assert found["tyrian_seconds_bucket/1.0"] == 0
    assert found["tyrian_requests_in_flight"] == 3


def test_a_worker_that_died_still_counts_but_serves_nothing(tmp_path: Path) -> None:
    text = Board(tmp_path / "x").render(counted(3, in_flight=2, healthy=0))
    (tmp_path / f"{gone()}.prom").write_bytes(text)
    found = samples(Board(tmp_path).render(counted(4, in_flight=1)))
    assert found["tyrian_requests_total/chat"] == 7
    assert found["tyrian_requests_in_flight"] == 1
    assert found["tyrian_upstream_healthy"] == 1


def test_a_server_that_one_worker_finds_unhealthy_is_shown_so(tmp_path: Path) -> None:
    (tmp_path / "1.prom").write_bytes(Board(tmp_path / "x").render(counted(0, healthy=0)))
    assert samples(Board(tmp_path).render(counted(0)))["tyrian_upstream_healthy"] == 0


def test_what_cannot_be_read_takes_nothing_from_the_rest(tmp_path: Path) -> None:
    (tmp_path / "1.prom").write_text('tyrian_requests_total{route="cha')
    board = Board(tmp_path)
    board.publish(counted(4))
    found = samples(board.render(counted(5)))
    assert found["tyrian_requests_total/chat"] == 5
