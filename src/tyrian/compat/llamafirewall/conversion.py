"""LlamaFirewall's messages as ours, and our decisions as its results."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tyrian.compat.llamafirewall.llamafirewall_data_types import (
    Message,
    Role,
    ScanDecision,
    ScanResult,
    ScanStatus,
    Trace,
)
from tyrian.core import message as ours
from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import RunStatus

_ACTIONS = {"action", "action_input"}


def text_of(content: object) -> str:
    """The text of a content: a string, or the text parts of a list of parts or items."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return text_of(content.get("content") or content.get("text") or "")
    if isinstance(content, Iterable):
        return "\n".join(filter(None, map(text_of, content)))
    return "" if content is None else str(content)


def message_of(message: Message) -> ours.Message:
    """The same message with the origin that its role stands for."""
    text = text_of(message.content)
    match message.role:
        case Role.USER:
            return ours.Message.user(text)
        case Role.SYSTEM:
            return ours.Message.system(text)
        case Role.TOOL:
            return ours.Message.tool(text)
        case Role.MEMORY:
            return ours.Message.of(ours.Role.USER, text, origin=ours.Origin.MEMORY)
        case Role.ASSISTANT:
            calls = [_call(number, call) for number, call in enumerate(message.tool_calls or ())]
            if not calls and (step := _step_in(text)):
                return ours.Message.assistant(step[0], calls=[step[1]])
            return ours.Message.assistant(text, calls=calls)


def trace_of(trace: Trace | None) -> ours.Trace:
    """The same conversation."""
    return ours.Trace(tuple(map(message_of, trace or ())))


def result_of(decision: Decision, allowed: str) -> ScanResult:
    """The result of a decision; a scanner that could not judge blocks, with status error."""
    runs = decision.runs
    score = max((run.detection.score for run in runs if run.detection), default=0.0)
    has_failed = any(run.status in (RunStatus.ERROR, RunStatus.TIMEOUT) for run in runs)
    if decision.effect is Effect.BLOCK:
        outcome = ScanDecision.BLOCK
    elif decision.effect is Effect.REVIEW:
        outcome = ScanDecision.HUMAN_IN_THE_LOOP_REQUIRED
    else:
        outcome = ScanDecision.ALLOW
    reasons = [reason.message or reason.rule for reason in decision.reasons]
    reason = "; ".join(dict.fromkeys(reasons)) if outcome is not ScanDecision.ALLOW else allowed
    status = ScanStatus.ERROR if has_failed else ScanStatus.SUCCESS
    return ScanResult(outcome, reason, 1.0 if has_failed else score, status)


def _call(number: int, call: Mapping[str, Any]) -> ours.ToolCall:
    """A call in the OpenAI shape, or in LangChain's (`name`, `args`)."""
    function = call.get("function") or call
    arguments = function.get("arguments", function.get("args", "{}"))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ours.ToolCall(str(call.get("id") or number), str(function.get("name") or ""), text)


def _step_in(text: str) -> tuple[str, ours.ToolCall] | None:
    """The thought and the call of a step that an agent writes as JSON text."""
    try:
        step = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(step, dict) or not step.keys() >= _ACTIONS:
        return None
    call = ours.ToolCall("0", str(step["action"]), json.dumps(step["action_input"]))
    return str(step.get("thought") or ""), call
