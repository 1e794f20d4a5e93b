"""The tool calls of a message, judged by themselves, with places in the whole message."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from tyrian.core.detection import DetectorRun, Finding
from tyrian.core.message import SEGMENT_GAP, ImagePart, Message, ToolCall

_GAP = len(SEGMENT_GAP)


class CallsOnly:
    """A message without its text; `placed` moves what was found there into the whole one."""

    def __init__(self, message: Message) -> None:
        self.message = replace(message, parts=message.tool_calls)
        self._starts: list[int] = []
        self._shifts: list[int] = []
        here = there = 0
        for part in message.parts:
            if isinstance(part, ImagePart):
                continue
            if isinstance(part, ToolCall):
                self._starts.append(here)
                self._shifts.append(there - here)
                here += len(part.arguments) + _GAP
                there += len(part.arguments) + _GAP
            else:
                there += len(part.text) + _GAP

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
