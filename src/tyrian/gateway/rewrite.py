"""What a guard stops goes back to the model, which is told why and may write it again.

A guard asks for it with the option `rewrite: {tries: N}`. Every answer is judged; the last one
that was least bad leaves, so that the guard's own effect holds where no try helps. An answer that
may be written again cannot leave piece by piece: a stream waits until its answer is settled.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self, cast

import msgspec

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Stage
from tyrian.errors import UpstreamError
from tyrian.firewall.firewall import Firewall
from tyrian.gateway.answers import ChunkWriter, encode, new_completion_id
from tyrian.gateway.chat_request import ChatRequest
from tyrian.gateway.dialect.interface import AnswerStream
from tyrian.gateway.errors import ApiError
from tyrian.gateway.screen import Screen, decision_fields
from tyrian.gateway.whole import Judged, judged_answer
from tyrian.gateway.wire import Json

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a request body to the model server; its whole answer."""

_MOST_FINDINGS = 12
_TEXT_DELTAS = ("reasoning_content", "reasoning", "content", "refusal")
_INTRODUCTION = "Your answer was not passed on, because the code in it is not safe:"
_REQUEST = (
    "Write your whole answer again, for the same request, with these faults mended. "
    "Do not mention this message."
)


class Rewriter:
    """Asks for another answer where a guard that wants it finds something."""

    def __init__(self, tries: Mapping[str, int]) -> None:
        self._tries = tries

    @classmethod
    def of(cls, firewall: Firewall | None, request: ChatRequest) -> Self | None:
        """None where no guard asks for it, or several answers are wanted at once."""
        if firewall is None or request.choices != 1:
            return None
        asked = {
            guard.name: int(getattr(guard.detector, "rewrite_tries", 0))
            for guard in firewall.guards_at(Stage.OUTPUT)
        }
        tries = {name: count for name, count in asked.items() if count > 0}
        return cls(tries) if tries else None

    async def answer(self, body: bytes, ask: Ask, screen: Screen) -> Judged:
        """The answer that leaves; UpstreamError or ApiError where the first one cannot be had."""
        request: Json = msgspec.json.decode(body)
        request.pop("stream", None)
        request.pop("stream_options", None)
        raw = await ask(encode(request))
        before = screen.greatest
        best = await judged_answer(raw, screen)
        effect, tried, usages = screen.greatest, 0, [best.out.get("usage")]
        last = best
        while (told := self._told(last.worst, tried)) and (said := _said(raw)) is not None:
            tried += 1
            request["messages"] = [
                *cast(list[Json], request["messages"]),
                {"role": "assistant", "content": said},
                {"role": "user", "content": told},
            ]
            try:
                raw = await ask(encode(request))
                screen.back_to(before)
                last = await judged_answer(raw, screen)
            except (UpstreamError, ApiError):
                break
            usages.append(last.out.get("usage"))
            if _effect(last) <= _effect(best):
                best, effect = last, screen.greatest
        screen.back_to(effect)
        return Judged(_completed(best, tried, usages), best.worst) if tried else best

    def _told(self, decision: Decision | None, tried: int) -> str:
        """What the model is told of a decision; empty where it is not asked again."""
        if decision is None or decision.effect not in (Effect.REDACT, Effect.BLOCK):
            return ""
        causes = {r.detector for r in decision.reasons if r.effect >= Effect.REDACT}
        if not causes or any(self._tries.get(cause, 0) <= tried for cause in causes):
            return ""
        found = dict.fromkeys(
            f"- {finding.label}: {finding.message}"
            for run in decision.runs
            if run.detector in causes and run.detection is not None
            for finding in run.detection.findings
        )
        if not found:
            return ""
        return "\n".join([_INTRODUCTION, *list(found)[:_MOST_FINDINGS], _REQUEST])


def _effect(judged: Judged) -> Effect:
    return judged.worst.effect if judged.worst is not None else Effect.ALLOW


def _said(raw: bytes) -> str | None:
    """The text of an answer; None for one with tool calls, which cannot be answered by a turn."""
    answer = msgspec.json.decode(raw)
    message = answer["choices"][0]["message"]
    text = message.get("content")
    return text if isinstance(text, str) and not message.get("tool_calls") else None


def _completed(best: Judged, tried: int, usages: Sequence[object]) -> Json:
    """The answer with the usage of all tries, and word of how many there were."""
    out: Json = {**best.out}
    if isinstance(out.get("usage"), dict):
        out["usage"] = _sum(usages)
    told = decision_fields(best.worst) if best.worst is not None else {}
    out["tyrian"] = {**told, "rewrites": tried}
    return out


def _sum(usages: Sequence[object]) -> Json:
    total: Json = {}
    for usage in usages:
        for key, value in usage.items() if isinstance(usage, dict) else ():
            if isinstance(value, int):
                known = total.get(key, 0)
                total[key] = value + (known if isinstance(known, int) else 0)
            else:
                total[key] = value
    return total


async def write_stream(judged: Judged, request: ChatRequest, out: AnswerStream) -> None:
    """A settled answer as the chunks of a stream."""
    answer = judged.out
    writer = ChunkWriter(
        str(answer.get("id") or new_completion_id())[:128],
        _integer(answer.get("created")) or int(time.time()),
        str(answer.get("model") or request.model),
    )
    worst = judged.worst
    shown = worst if worst is not None and worst.effect is not Effect.ALLOW else None
    chunks: list[bytes] = []
    for choice in cast(list[Json], answer["choices"]):
        chunks += _chunks_of(choice, writer, shown)
    if "moderation" in answer:
        chunks.append(writer.moderation(encode(answer["moderation"])))
    if request.wants_usage and isinstance(answer.get("usage"), dict):
        chunks.append(writer.usage(encode(answer["usage"])))
    await out.write(chunks)
    await out.done()


def _chunks_of(choice: Json, writer: ChunkWriter, shown: Decision | None) -> list[bytes]:
    index, message = _integer(choice.get("index")), cast(Json, choice["message"])
    chunks = [writer.role(index)]
    for name in _TEXT_DELTAS:
        text = message.get(name)
        if not isinstance(text, str) or not text:
            continue
        logprobs = encode(choice.get("logprobs")) if name == "content" else b"null"
        chunks.append(writer.chunk(index, encode({name: text}), logprobs=logprobs))
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        numbered = [{"index": i, **cast(Json, call)} for i, call in enumerate(calls)]
        chunks.append(writer.chunk(index, encode({"tool_calls": numbered})))
    finish = encode(choice.get("finish_reason") or "stop")
    return [*chunks, writer.chunk(index, b"{}", finish, shown)]


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0
