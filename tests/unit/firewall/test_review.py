"""What needs a person: asked, approved, refused, parked, and never passed by accident."""

import asyncio
import json
from pathlib import Path

import pytest

from tyrian.core.decision import Effect
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.firewall.audit import MemoryAudit
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.stream import Delta, ToolCallDelta
from tyrian.policy.guard import GuardPolicy
from tyrian.policy.tool import policy_of
from tyrian.review.callback import Callback, CallbackReviewer
from tyrian.review.request import Parked, ReviewAnswer, ReviewRequest
from tyrian.review.text import as_text

PAGE = "The figures of the north rose by a twelfth in the second quarter of this year."
MAIL = ToolCall("m1", "mail", json.dumps({"to": "a@CORP.com", "body": f"They say: {PAGE}"}))
SAID = Trace(
    (
        Message.user("go"),
        Message.assistant(calls=[ToolCall("f1", "fetch", "{}")]),
        Message.tool(PAGE, tool_call_id="f1"),
    )
)


def firewall(reviewer: object = None, **changes: object) -> Firewall:
    policy = policy_of(
        {
            "tools": {"fetch": {}, "mail": {"to": "email", "body": "opaque"}},
            "email": {"domains": ["corp.com"]},
            "flow": [{"id": "careful", "if_untrusted_output_from": "fetch", "then_ask": "mail"}],
            **changes,
        }
    )
    empty = GuardPolicy([], may_be_empty=True)
    return Firewall([], empty, tool_policy=policy, audit=MemoryAudit(), reviewer=reviewer)  # type: ignore[arg-type]


async def test_a_person_reads_the_call_its_canonical_form_the_rule_and_the_sources() -> None:
    seen: list[ReviewRequest] = []

    def approve(request: ReviewRequest) -> bool:
        seen.append(request)
        return True

    decision = await firewall(CallbackReviewer(approve)).check_tool_call(MAIL, SAID)
    assert decision.effect is Effect.FLAG
    assert decision.may_pass
    assert [reason.rule for reason in decision.reasons] == ["review.approved", "policy.careful"]
    assert json.loads(decision.subject.tool_calls[0].arguments)["to"] == "a@corp.com"
    (request,) = seen
    assert request.asked[0].sources == ("fetch",)
    text = as_text(request)
    for part in ("mail", "a@CORP.com", "a@corp.com", "policy.careful", "fetch"):
        assert part in text


async def test_the_text_for_people_cannot_move_the_cursor() -> None:
    seen: list[ReviewRequest] = []
    evil = ToolCall("m", "mail", json.dumps({"to": "a@corp.com", "body": "\x1b[2J\u202e\n ok?"}))
    await firewall(CallbackReviewer(lambda r: seen.append(r) or False)).check_tool_call(evil, SAID)  # type: ignore[func-returns-value]
    text = as_text(seen[0])
    assert text.isascii()
    assert "\x1b" not in text


def says(answer: object) -> Callback:
    return lambda request: answer  # type: ignore[return-value]


async def raising(request: ReviewRequest) -> bool:
    raise ValueError("a secret")


async def slow(request: ReviewRequest) -> bool:
    await asyncio.sleep(60)
    return True


@pytest.mark.parametrize(
    ("callback", "rule"),
    [
        (says(False), "review.refused"),
        (says(None), "review.refused"),
        (says("yes"), "review.refused"),
        (says(ReviewAnswer(False)), "review.refused"),
        (raising, "review.error"),
        (slow, "review.error"),
    ],
)
async def test_anything_but_a_plain_yes_stops_the_call(callback: Callback, rule: str) -> None:
    guarded = firewall(CallbackReviewer(callback, timeout_s=0.05))
    decision = await guarded.check_tool_call(MAIL, SAID)
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == rule
    assert "secret" not in str(decision.reasons)


async def test_without_anybody_to_ask_the_call_stays_held() -> None:
    decision = await firewall().check_tool_call(MAIL, SAID)
    assert decision.effect is Effect.REVIEW
    assert not decision.may_pass
    assert decision.review == ""


async def test_a_parked_call_names_its_review() -> None:
    class Parking:
        async def ask(self, request: ReviewRequest) -> Parked:
            return Parked("rev_1")

        async def recall(self, request: ReviewRequest) -> None:
            return None

    decision = await firewall(Parking()).check_tool_call(MAIL, SAID)
    assert decision.effect is Effect.REVIEW
    assert decision.review == "rev_1"


async def test_what_the_policy_forbids_is_not_asked_about() -> None:
    asked: list[ReviewRequest] = []
    guarded = firewall(CallbackReviewer(lambda r: asked.append(r) or True))  # type: ignore[func-returns-value]
    evil = ToolCall("m", "mail", json.dumps({"to": "a@evil.com", "body": "x"}))
    assert (await guarded.check_tool_call(evil, SAID)).effect is Effect.BLOCK
    assert (await guarded.check_tool_call(MAIL)).effect is Effect.ALLOW
    assert asked == []


async def test_what_changes_while_it_waits_was_not_approved(tmp_path: Path) -> None:
    """A link that points elsewhere by the time the person says yes."""
    link = tmp_path / "work" / "report"
    link.parent.mkdir()
    (link.parent / "a.txt").write_text("a")
    (link.parent / "b.txt").write_text("b")
    link.symlink_to("a.txt")

    def swap(request: ReviewRequest) -> bool:
        link.unlink()
        link.symlink_to("b.txt")
        return True

    guarded = firewall(
        CallbackReviewer(swap),
        tools={"read": {"path": "fs:read"}},
        flow=[{"if_any_untrusted": True, "then_ask": "read"}],
        cwd=str(link.parent),
        fs={"read": [f"{link.parent}/**"]},
    )
    decision = await guarded.check_tool_call(ToolCall("r", "read", '{"path": "report"}'), SAID)
    assert decision.effect is Effect.BLOCK
    assert decision.reasons[0].rule == "review.changed"


@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_stream_goes_on_once_a_person_has_said_so(is_approved: bool) -> None:
    guarded = firewall(CallbackReviewer(lambda request: is_approved))
    stream = guarded.stream(SAID)
    piece = ToolCallDelta(0, "m1", "mail", MAIL.arguments)
    assert await stream.feed(Delta(call=piece)) == []
    out = await stream.close()
    assert len(out) == is_approved
    assert stream.is_blocked is not is_approved
    if is_approved:
        assert out[0].call is not None
        assert json.loads(out[0].call.arguments)["to"] == "a@corp.com"


async def test_a_call_of_the_history_passes_if_it_was_approved_when_it_was_made() -> None:
    answers = [True, False]
    guarded = firewall(CallbackReviewer(lambda request: answers.pop(0)))
    decision = await guarded.check_tool_call(MAIL, SAID)
    history = SAID.append(decision.subject, Message.tool("sent", tool_call_id="m1"))
    effects = [d.effect async for _, d in guarded.check_history(history)]
    assert effects == [Effect.ALLOW, Effect.FLAG]
    other = ToolCall("m2", "mail", json.dumps({"to": "b@corp.com", "body": "y"}))
    longer = history.append(Message.assistant(calls=[other]))
    assert [d.effect async for _, d in guarded.check_history(longer)] == [Effect.BLOCK]
