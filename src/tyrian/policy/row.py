"""Calls as rows of JSON: one line, one call, one decision; no line is ever an allow by mistake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tyrian.core.decision import Effect
from tyrian.errors import InputError
from tyrian.policy.call import CallDecision, ProposedCall
from tyrian.policy.flow import TraceState
from tyrian.policy.refusal import Refusal
from tyrian.policy.strict_json import read_object
from tyrian.policy.tool import ToolPolicy
from tyrian.policy.what_if import world_of
from tyrian.policy.world import PretendWorld


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What one row gives; `error` tells of a row that could not be read, which is refused."""

    data: Mapping[str, object]
    effect: Effect
    error: str = ""
    decision: CallDecision | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call and the world that it is to be judged in."""

    call: ProposedCall
    world: PretendWorld | None = None


def row_of(fields: Mapping[str, object], number: int | None = None) -> CallRow:
    """The call of a row; InputError where the row itself is not one. Other keys are its own."""
    row_id = fields.get("id", number)
    if isinstance(row_id, bool) or not isinstance(row_id, str | int | None):
        raise InputError("id: must be a string or a whole number")
    if fields.get("args") is not None and "raw_args" in fields:
        raise InputError("a row has either 'args' or 'raw_args'")
    world = world_of(fields["world"]) if fields.get("world") is not None else None
    raw = fields.get("raw_args")
    if "raw_args" in fields and not isinstance(raw, str):
        raise InputError("raw_args: must be a string")
    call = ProposedCall(
        fields.get("tool"), fields.get("args"), raw if isinstance(raw, str) else None, row_id
    )
    return CallRow(call, world)


Settle = Callable[[RowAnswer], RowAnswer]


def judge_line(
    policy: ToolPolicy,
    line: bytes,
    number: int,
    trace: TraceState | None = None,
    settle: Settle | None = None,
) -> RowAnswer:
    """The answer to one line; calls that may run are told to `trace`, where there is one.

    `settle` has the last word on an answer, such as a person's.
    """
    row_id: object = number
    try:
        fields = read_object(line)
        row_id = fields.get("id", number)
        row = row_of(fields, number)
        decision = policy.decide(row.call, trace, row.world)
    except (InputError, Refusal) as error:
        reason = error.message if isinstance(error, InputError) else error.reason
        return _unreadable(row_id, reason)
    answer = RowAnswer(decision.as_json(), decision.effect, decision=decision)
    if settle is not None:
        answer = settle(answer)
    if trace is not None and answer.effect <= Effect.REDACT:
        _tell(trace, decision)
    return answer


def _tell(trace: TraceState, decision: CallDecision) -> None:
    if decision.canonical is not None:
        tool = str(decision.canonical["tool"])
        trace.add_call(tool)
        trace.add_output(tool)


def _unreadable(row_id: object, reason: str) -> RowAnswer:
    is_id = isinstance(row_id, str | int) and not isinstance(row_id, bool)
    data = {
        "id": row_id if is_id else None,
        "effect": str(Effect.BLOCK),
        "rule": "row",
        "reason": reason,
        "canonical": None,
        "error": reason,
    }
    return RowAnswer(data, Effect.BLOCK, reason)
