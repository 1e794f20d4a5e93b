"""Some parts of a message, judged by themselves, with places in the whole message."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from tyrian.core.detection import DetectorRun, Finding
from tyrian.core.message import SEGMENT_GAP, ImagePart, Message, Part, ToolCall

_GAP = len(SEGMENT_GAP)


class Excerpt:
    """A message's tool calls, or all but them; `placed` moves findings into the whole message."""

    def __init__(self, message: Message, *, calls: bool) -> None:
        self._starts: list[int] = []
        self._shifts: list[int] = []
        kept: list[Part] = []
        here = there = 0
        for part in message.parts:
            is_kept = isinstance(part, ToolCall) is calls
            if is_kept:
                kept.append(part)
            if isinstance(part, ImagePart):
                continue
            length = len(part.arguments if isinstance(part, ToolCall) else part.text) + _GAP
            if is_kept:
                self._starts.append(here)
                self._shifts.append(there - here)
                here += length
            there += length
        self.message = replace(message, parts=tuple(kept))

    def placed(self, runs: Sequence[DetectorRun]) -> list[DetectorRun]:
        """The runs with the spans of their findings counted in the whole message."""
        return [self._place_run(run) for run in runs]

    def _place_run(self, run: DetectorRun) -> DetectorRun:
        if run.detection is None or not run.detection.findings:
            return run
        findings = tuple(map(self._place, run.detection.findings))
        return replace(run, detection=replace(run.detection, findings=findings))

    def _place(self, found: Finding) -> Finding:
        if found.end <= found.start:
            return found
        start = found.start + self._shift(found.start)
        return replace(found, start=start, end=found.end + self._shift(found.end - 1))

    def _shift(self, position: int) -> int:
        return self._shifts[bisect_right(self._starts, position) - 1]
