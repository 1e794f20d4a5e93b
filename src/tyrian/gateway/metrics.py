"""Prometheus metrics in a registry of the gateway's own; labels never hold text of requests."""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tyrian.core.decision import Decision
from tyrian.core.detection import RunStatus
from tyrian.firewall.tool_gate import POLICY
from tyrian.gateway.context import RequestContext
from tyrian.gateway.routing.breaker import Circuit
from tyrian.gateway.routing.server import Server

CONTENT_TYPE = b"text/plain; version=1.0.0; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_GUARD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)


class Metrics:
    """All metrics of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = Gauge(
            "tyrian_requests_in_flight", "Requests being served.", registry=self.registry
        )
        self._cache_hits = Counter(
            "tyrian_decision_cache_hits",
            "Decisions taken from the cache.",
            registry=self.registry,
        )
        self._requests = self._counter("requests", "Requests answered.", "route", "status")
        self._latency = self._histogram(
            "request_seconds", "From request to end of answer.", "route", buckets=_SECONDS
        )
        self._decisions = self._counter(
            "decisions", "Decisions by stage and effect.", "stage", "effect"
        )
        self._reasons = self._counter(
            "decision_reasons", "Reasons of decisions.", "detector", "effect"
        )
        self._policy_rules = self._counter(
            "policy_rules", "Rules of the tool policy that spoke.", "rule", "effect"
        )
        self._runs = self._histogram(
            "detector_seconds", "Time of one run of a detector.", "detector", buckets=_GUARD_SECONDS
        )
        self._failed_runs = self._counter(
            "detector_failures", "Runs that gave no judgement.", "detector", "status"
        )
        self._upstream_errors = self._counter(
            "upstream_errors", "Failures of model servers.", "upstream", "status"
        )
        self._attempts = self._counter(
            "upstream_attempts", "Tries of model servers, by how they went.", "upstream", "outcome"
        )
        self._fallbacks = self._counter(
            "upstream_fallbacks", "Requests that went on to another server.", "upstream", "to"
        )
        self._is_healthy = self._gauge(
            "upstream_healthy", "1 where the last health check was good.", "upstream"
        )
        self._circuit = self._gauge(
            "upstream_circuit_open", "1 where a server is left alone.", "upstream"
        )
        self._data_refused = self._counter(
            "data_class_refusals", "Requests kept from going out, by their data.", "data_class"
        )
        self._spend_alerts = self._counter("spend_alerts", "Spend alerts that fired.", "scope")
        self._spend_alerts_told = self._counter(
            "spend_alerts_told", "Spend alerts that were told.", "way", "outcome"
        )
        self._upstream_latency = self._histogram(
            "upstream_seconds", "Until the upstream's headers came.", "upstream", buckets=_SECONDS
        )

    def _counter(self, name: str, text: str, *labels: str) -> Callable[..., Counter]:
        """A function from label values to their counter; the look-up in the client is slow."""
        return cache(Counter(f"tyrian_{name}", text, labels, registry=self.registry).labels)

    def _gauge(self, name: str, text: str, *labels: str) -> Callable[..., Gauge]:
        return cache(Gauge(f"tyrian_{name}", text, labels, registry=self.registry).labels)

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...]
    ) -> Callable[..., Histogram]:
        metric = Histogram(f"tyrian_{name}", text, labels, buckets=buckets, registry=self.registry)
        return cache(metric.labels)

    def request(self, context: RequestContext) -> None:
        """Count a request that is over; status 499 stands for a client that left."""
        self._requests(context.route, str(context.status or 499)).inc()
        self._latency(context.route).observe(context.elapsed_s)

    def decision(self, decision: Decision) -> None:
        """Count a decision with its reasons and runs."""
        self._decisions(decision.stage.value, str(decision.effect)).inc()
        for reason in decision.reasons:
            self._reasons(reason.detector, str(reason.effect)).inc()
            if reason.detector == POLICY:
                self._policy_rules(reason.rule, str(reason.effect)).inc()
        if decision.is_cached:
            self._cache_hits.inc()
            return
        for run in decision.runs:
            self._runs(run.detector).observe(run.elapsed_s)
            if run.status is not RunStatus.OK:
                self._failed_runs(run.detector, run.status.value).inc()

    def upstream_answered(self, upstream: str, elapsed_s: float) -> None:
        """Note the time until an upstream's headers came."""
        self._upstream_latency(upstream).observe(elapsed_s)

    def upstream_error(self, upstream: str, status: int) -> None:
        """Count a failure of an upstream; status 0 where there was no answer."""
        self._upstream_errors(upstream, str(status)).inc()

    def attempt(self, server: str, outcome: str) -> None:
        """Count one try of a server: `answered`, `failed` or its status."""
        self._attempts(server, outcome).inc()

    def fallback(self, server: str, to: str) -> None:
        """Count a request that went on to another server."""
        self._fallbacks(server, to).inc()

    def watch_server(self, server: Server) -> None:
        """Show the state of a server from now on."""
        self._is_healthy(server.name).set_function(lambda: server.is_healthy)
        self._circuit(server.name).set_function(lambda: server.breaker.state is Circuit.OPEN)

    def data_class_refused(self, data_class: str) -> None:
        """Count a request that may go nowhere with the data in it."""
        self._data_refused(data_class).inc()

    def spend_alert(self, scope: str) -> None:
        """Count a spend alert that fired, for `organization` or `project`."""
        self._spend_alerts(scope).inc()

    def spend_alert_told(self, way: str, outcome: str) -> None:
        """Count that one was told by `email` or `webhook`: `sent`, `partial` or `failed`."""
        self._spend_alerts_told(way, outcome).inc()

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
