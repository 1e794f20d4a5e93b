"""A request as a person reads it: call, canonical form, rule, sources. It shows the call itself."""

import json
from collections.abc import Iterator

from tyrian.core.decision import CallReport, Effect
from tyrian.review.request import ReviewRequest

_LONGEST = 2_000


def as_text(request: ReviewRequest) -> str:
    """Lines of ASCII: what a model wrote cannot move the cursor or hide."""
    return "\n".join(_lines(request))


def _lines(request: ReviewRequest) -> Iterator[str]:
    yield f"{request.id}: a person is asked at stage {request.stage.value}"
    for call in request.calls:
        yield from _call(call)
    if not request.calls:
        yield f"  message   {cut(request.message.text)}"
    for reason in request.reasons:
        if reason.effect is Effect.REVIEW:
            yield f"  because   {reason.rule}: {reason.message}"


def _call(call: CallReport) -> Iterator[str]:
    mark = "asked" if call.effect is Effect.REVIEW else str(call.effect)
    yield f"  call      {cut(call.call.name)} ({mark} by {call.rule})"
    yield f"  given     {cut(call.call.arguments)}"
    if call.canonical is not None:
        yield f"  canonical {cut(json.dumps(call.canonical['args'], ensure_ascii=True))}"
    if call.sources:
        yield f"  quotes    {cut(', '.join(call.sources))}"
    if call.labels:
        yield f"  holds     {', '.join(call.labels)}"


def cut(text: str) -> str:
    """The text in printable ASCII, not too long."""
    shown = ascii(text)[1:-1]
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
