"""One detector judges one view; what it gives is checked before anybody believes it."""

import time
from collections.abc import Callable
from dataclasses import replace
from inspect import isawaitable, iscoroutine
from pathlib import PurePath

from tyrian.core.detection import Detection, DetectorRun, Finding, RunStatus, View
from tyrian.errors import DetectorError
from tyrian.firewall.guard import Guard
from tyrian.firewall.windows import Coverage, window_view, windows


def checked(value: object, length: int) -> Detection:
    """The Detection, where it is one that makes sense for a text of that length."""
    if not isinstance(value, Detection):
        if iscoroutine(value):
            value.close()
        raise DetectorError(f"gave {type(value).__name__} instead of a Detection")
    if not _is_share(value.coverage):
        raise DetectorError("gave a coverage outside 0..1")
    for label, score in value.scores.items():
        if type(score) is float and 0.0 <= score <= 1.0 and type(label) is str:
            continue  # all but always, and this runs for every label of every guard
        if not isinstance(label, str) or not _is_share(score):
            raise DetectorError("gave a score outside 0..1")
    if not value.findings:
        return value
    return _with_scores_of_findings(value, length)


def _with_scores_of_findings(detection: Detection, length: int) -> Detection:
    """No label's score is less than that of its findings, or a finding could go unnoticed."""
    raised: dict[str, float] = {}
    for found in detection.findings:
        if not isinstance(found, Finding) or not _is_share(found.score):
            raise DetectorError("gave a finding with a score outside 0..1")
        if not 0 <= found.start <= found.end <= length:
            raise DetectorError("gave a span outside the text")
        known = max(detection.scores.get(found.label, 0.0), raised.get(found.label, 0.0))
        if found.label not in detection.scores or found.score > known:
            raised[found.label] = max(found.score, known)
    if not raised:
        return detection
    scores = {**detection.scores, **raised}
    return replace(detection, scores=scores, findings=tuple(detection.findings))


def _is_share(value: object) -> bool:
    return isinstance(value, (float, int)) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def judge(guard: Guard, view: View, coverage: Coverage, is_over: Callable[[], bool]) -> Detection:
    """Judge the view, window by window where the detector needs it, until `is_over`."""
    length = len(view.text)
    if not 0 < guard.window < length:
        return checked(guard.detector.detect(view), length)
    for start, end in windows(length, guard.window):
        if coverage.judged and is_over():
            break
        found = guard.detector.detect(window_view(view, start, end))
        coverage.add(start, end, checked(found, end - start))
    return coverage.merged()


async def judge_async(guard: Guard, view: View, coverage: Coverage) -> Detection:
    """The same for a detector whose `detect` is a coroutine function."""
    length = len(view.text)
    if not 0 < guard.window < length:
        return checked(await _given(guard, view), length)
    for start, end in windows(length, guard.window):
        found = await _given(guard, window_view(view, start, end))
        coverage.add(start, end, checked(found, end - start))
    return coverage.merged()


async def _given(guard: Guard, view: View) -> object:
    given = guard.detector.detect(view)
    return await given if isawaitable(given) else given


def ok(guard: Guard, started: float, detection: Detection) -> DetectorRun:
    """The run of a guard that gave a Detection."""
    return DetectorRun(guard.name, RunStatus.OK, time.perf_counter() - started, detection)


def failed(guard: Guard, started: float, error: BaseException) -> DetectorRun:
    """The run of a guard that raised. The reason never quotes what a foreign error says."""
    reason = error.message if isinstance(error, DetectorError) else place_of(error)
    return DetectorRun(guard.name, RunStatus.ERROR, time.perf_counter() - started, None, reason)


def late(guard: Guard, started: float, coverage: Coverage | None = None) -> DetectorRun:
    """The run of a guard whose deadline came first, with what it had judged by then."""
    elapsed_s = time.perf_counter() - started
    if coverage is not None and coverage.judged:
        return DetectorRun(guard.name, RunStatus.OK, elapsed_s, coverage.merged())
    reason = f"no answer within {guard.patience_s:g} s"
    return DetectorRun(guard.name, RunStatus.TIMEOUT, elapsed_s, None, reason)


def place_of(error: BaseException) -> str:
    """What was raised and where, without what the error says."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = type(error).__name__
    if trace is None:
        return f"raised {name}"
    return f"raised {name} at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
