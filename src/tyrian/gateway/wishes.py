"""What an answer has to satisfy, beside the guards."""

from dataclasses import dataclass

from tyrian.gateway.answer_form import AnswerForm
from tyrian.gateway.inline_moderation import InlineModeration
from tyrian.gateway.metering import Usage

_CUT = frozenset({"length", "content_filter"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an answer has to satisfy and to fill in, beside the guards."""

    form: AnswerForm | None
    usage: Usage
    moderation: InlineModeration | None = None


def finish_reason_of(reason: object, *, has_calls: bool) -> str:
    """The reason as the dialect knows it.

    Some servers say `stop` after tool calls, or only in a stream; it is `tool_calls` always.
    """
    if isinstance(reason, str) and reason in _CUT:
        return reason
    return "tool_calls" if has_calls else "stop"
