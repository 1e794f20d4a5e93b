"""Prometheus metrics in a registry of the gateway's own; labels never hold text of requests."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tyrian.core.decision import Decision
from tyrian.core.detection import RunStatus
from tyrian.gateway.context import RequestContext

CONTENT_TYPE = b"text/plain; version=1.0.0; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_GUARD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)


class Metrics:
    """All metrics of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self._requests = Counter(
            "tyrian_requests", "Requests answered.", ("route", "status"), registry=r
        )
        self._latency = Histogram(
            "tyrian_request_seconds", "From request to end of answer.", ("route",),
            buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self.in_flight = Gauge("tyrian_requests_in_flight", "Requests being served.", registry=r)
        self._decisions = Counter(
            "tyrian_decisions", "Decisions by stage and effect.", ("stage", "effect"), registry=r
        )
        self._reasons = Counter(
            "tyrian_decision_reasons", "Reasons of decisions by detector and effect.",
            ("detector", "effect"), registry=r,
        )  # fmt: skip
        self._runs = Histogram(
            "tyrian_detector_seconds", "Time of one run of a detector.", ("detector",),
            buckets=_GUARD_SECONDS, registry=r,
        )  # fmt: skip
        self._failed_runs = Counter(
            "tyrian_detector_failures", "Runs that gave no judgement.", ("detector", "status"),
            registry=r,
        )  # fmt: skip
        self._cache_hits = Counter(
            "tyrian_decision_cache_hits", "Decisions taken from the cache.", registry=r
        )
        self._upstream_errors = Counter(
            "tyrian_upstream_errors", "Failures of model servers.", ("upstream", "status"),
            registry=r,
        )  # fmt: skip
        self._upstream_latency = Histogram(
            "tyrian_upstream_seconds", "Until the upstream's headers came.", ("upstream",),
            buckets=_SECONDS, registry=r,
        )  # fmt: skip

    def request(self, context: RequestContext) -> None:
        """Count a request that is over; status 499 stands for a client that left."""
        self._requests.labels(context.route, str(context.status or 499)).inc()
        self._latency.labels(context.route).observe(context.elapsed_s)

    def decision(self, decision: Decision) -> None:
        """Count a decision with its reasons and runs."""
        self._decisions.labels(decision.stage.value, str(decision.effect)).inc()
        for reason in decision.reasons:
            self._reasons.labels(reason.detector, str(reason.effect)).inc()
        if decision.is_cached:
            self._cache_hits.inc()
            return
        for run in decision.runs:
            self._runs.labels(run.detector).observe(run.elapsed_s)
            if run.status is not RunStatus.OK:
                self._failed_runs.labels(run.detector, run.status.value).inc()

    def upstream_answered(self, upstream: str, elapsed_s: float) -> None:
        """Note the time until an upstream's headers came."""
        self._upstream_latency.labels(upstream).observe(elapsed_s)

    def upstream_error(self, upstream: str, status: int) -> None:
        """Count a failure of an upstream; status 0 where there was no answer."""
        self._upstream_errors.labels(upstream, str(status)).inc()

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
