"""Spans of requests."""

import pytest

from tyrian.gateway.context import RequestContext
from tyrian.gateway.telemetry import ENDPOINT_VARIABLES, RequestSpans, spans_from_environment

export = pytest.importorskip(
    "opentelemetry.sdk.trace.export", reason="the extra otel is not installed"
)
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


def request(route: str, status: int) -> RequestContext:
    context = RequestContext()
    context.route, context.status, context.model, context.effect = route, status, "m", "block"
    return context


def test_a_finished_request_becomes_a_span_without_content() -> None:
    exporter = memory.InMemorySpanExporter()
    spans = RequestSpans(export.SimpleSpanProcessor(exporter))
    spans.note(request("chat", 200))
    spans.note(request("moderations", 503))
    spans.note(request("healthz", 200))
    first, second = exporter.get_finished_spans()
    spans.close()
    assert first.name == "chat m"
    assert first.attributes["gen_ai.operation.name"] == "chat"
    assert first.attributes["tyrian.effect"] == "block"
    assert first.end_time >= first.start_time
    assert not second.status.is_ok


def test_without_an_endpoint_there_are_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert spans_from_environment() is None
