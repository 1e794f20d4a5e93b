"""Prompt attacks by the weights of a Prompt Guard, through torch or ONNX Runtime."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from tyrian.core.detection import Detection, DetectorInfo, View
from tyrian.detectors.prompt_guard.readings import Reading, readings
from tyrian.detectors.prompt_guard.tally import EXIT_AT, Tally
from tyrian.errors import DetectorError
from tyrian.models.transformer.backend import Ids
from tyrian.models.transformer.classifier import TransformerClassifier
from tyrian.models.transformer.windows import Window

BUDGET_SHARE = 0.85
"""Share of the guard's deadline after which no further window is begun."""

CHEAP = 8_192
"""Characters up to which all readings of a text are made whatever the time."""


@dataclass(frozen=True, slots=True)
class TransformerDetector:
    """Judges every window of every reading of a message, until an attack is beyond doubt.

    Where time runs out first, the coverage says how much was judged; the rest is never taken for
    harmless. It computes in a worker thread, so that the event loop goes on.
    """

    info: DetectorInfo
    model: TransformerClassifier
    timeout_s: float
    exit_at: float = EXIT_AT
    is_bounded: bool = False
    reads_trace: bool = False

    def detect(self, view: View) -> Detection:
        """Judge the subject; each finding spans the strongest window of its label."""
        deadline = time.monotonic() + BUDGET_SHARE * self.timeout_s
        tally = Tally(view, has_two=len(self.model.labels) == 2, exit_at=self.exit_at)
        seen: set[Ids] = set()
        every = readings(view, self.model.joined)
        while not tally.is_settled:
            is_late = time.monotonic() >= deadline and not tally.is_empty
            if is_late and len(view.text) > CHEAP:
                tally.count(0, len(view.text))  # to decode it would take long, and go unread
                break
            reading = next(every, None)
            if reading is None:
                break
            length = max(len(reading.text), 1)
            judged = 0 if is_late else self._judge(reading, tally, seen, deadline)
            tally.count(judged if reading.text else length, length)
        if tally.is_empty:
            raise DetectorError("no part of the text could be judged within the deadline")
        return tally.detection()

    def _judge(self, reading: Reading, tally: Tally, seen: set[Ids], deadline: float) -> int:
        return self.model.read(
            reading.text,
            partial(_add, tally, reading),
            seen=seen,
            is_settled=lambda: tally.is_settled,
            deadline=deadline,
        )


def _add(tally: Tally, reading: Reading, window: Window, scores: Mapping[str, float]) -> None:
    tally.add(scores, window.start, window.end, reading.span)
