"""Prompt attacks by a classifier behind HTTP."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.detectors.prompt_guard.readings import Reading, readings
from tyrian.detectors.prompt_guard.tally import EXIT_AT, Tally
from tyrian.detectors.prompt_guard.transformer import BUDGET_SHARE, CHEAP
from tyrian.models.transformer.remote import TEXTS_PER_REQUEST, RemoteClassifier, Span, spans
from tyrian.models.transformer.remote_wire import Scores
from tyrian.models.transformer.spacing import Joined

AT_ONCE = 4
"""Requests under way for one message."""


@dataclass(frozen=True, slots=True)
class RemoteDetector:
    """Sends every window of every reading of a message to the server, on the event loop.

    An answer that is not a whole and strict one, or none at all, is an error of the run.
    """

    info: DetectorInfo
    model: RemoteClassifier
    timeout_s: float
    exit_at: float = EXIT_AT
    is_bounded: bool = False
    reads_trace: bool = False

    async def detect(self, view: View) -> Detection:
        """Judge the subject; each finding spans the strongest window of its label."""
        deadline = time.monotonic() + BUDGET_SHARE * self.timeout_s
        tally = Tally(view, has_two=len(self.model.dialect.labels) == 2, exit_at=self.exit_at)
        size = self.model.dialect.window
        # To decode a long text takes long: that is for a thread, not for the event loop.
        if len(view.text) > CHEAP:
            parts = await asyncio.to_thread(_parts, view, size)
        else:
            parts = _parts(view, size)
        step = AT_ONCE * TEXTS_PER_REQUEST
        for at in range(0, len(parts), step):
            some = parts[at : at + step]
            if tally.is_settled or (at and time.monotonic() >= deadline):
                tally.count(0, sum(span.end - span.start for _, span in parts[at:]))
                break
            await self._judge(some, tally)
        return tally.detection()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.model.close()

    async def _judge(self, parts: Sequence[tuple[Reading, Span]], tally: Tally) -> None:
        calls = [
            parts[at : at + TEXTS_PER_REQUEST] for at in range(0, len(parts), TEXTS_PER_REQUEST)
        ]
        tasks = [asyncio.create_task(self._ask(call)) for call in calls]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        for call, answer in zip(calls, answers, strict=True):
            for (reading, span), scores in zip(call, answer, strict=True):
                tally.add(scores, span.start, span.end, reading.span)
                tally.count(span.end - span.start, span.end - span.start)

    async def _ask(self, call: Sequence[tuple[Reading, Span]]) -> list[Scores]:
        texts = [reading.text[span.start : span.end] for reading, span in call]
        return await self.model.scores(texts)


def _parts(view: View, size: int) -> list[tuple[Reading, Span]]:
    """Every window of every reading that has any text; equal windows once."""
    seen: set[str] = set()
    found: list[tuple[Reading, Span]] = []
    for reading in readings(view, _never):
        for span in spans(len(reading.text), size):
            text = reading.text[span.start : span.end]
            if text.strip() and text not in seen:
                seen.add(text)
                found.append((reading, span))
    return found


def _never(_: str) -> Joined | None:
    """Without the model's tokenizer spread words are left to the views of the text."""
    return None
