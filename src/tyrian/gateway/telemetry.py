"""OpenTelemetry spans, one per request, in the GenAI conventions; never with any content.

Needs the extra `otel`. Spans are made when a request is over, so that nothing of this stands in
its way.
"""

import logging
import os
import time
from typing import TYPE_CHECKING

from tyrian.gateway.context import RequestContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OPERATIONS = {"chat": "chat", "responses": "chat", "moderations": "moderation"}
_log = logging.getLogger("tyrian.gateway")


class RequestSpans:
    """Makes a span of every finished request under `/v1`."""

    def __init__(self, processor: "SpanProcessor") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace import SpanKind, StatusCode

        self._provider = TracerProvider(resource=Resource.create({"service.name": "tyrian"}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("tyrian.gateway")
        self._kind = SpanKind.SERVER
        self._error = StatusCode.ERROR

    def note(self, context: RequestContext) -> None:
        """Make the span of a request that is over."""
        operation = _OPERATIONS.get(context.route)
        if operation is None:
            return
        end = time.time_ns()
        span = self._tracer.start_span(
            f"{operation} {context.model}".rstrip(),
            kind=self._kind,
            start_time=end - int(context.elapsed_s * 1e9),
            attributes=_attributes(context, operation),
        )
        if context.status >= 500:
            span.set_status(self._error)
        span.end(end)

    def close(self) -> None:
        """Send what is left to send."""
        self._provider.shutdown()


def _attributes(context: RequestContext, operation: str) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {
        "gen_ai.operation.name": operation,
        "http.response.status_code": context.status or 499,
        "tyrian.request.id": context.id,
    }
    if context.model:
        found["gen_ai.request.model"] = context.model
    if context.effect:
        found["tyrian.effect"] = context.effect
    if context.upstream_s:
        found["tyrian.upstream_s"] = context.upstream_s
    return found


def spans_from_environment() -> RequestSpans | None:
    """Spans to the OTLP endpoint that the environment names, None where it names none."""
    if not any(os.environ.get(name) for name in ENDPOINT_VARIABLES):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        return RequestSpans(BatchSpanProcessor(OTLPSpanExporter()))
    except ImportError:
        _log.warning("no spans are sent: install tyrian[otel], or unset %s", ENDPOINT_VARIABLES[0])
        return None
