"""What the firewall says of the calls, results and definitions of one session."""

import asyncio
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.mcp.content import content_of, replaced
from tyrian.adapters.mcp.frame import as_object
from tyrian.core.decision import Decision, Effect, Reason
from tyrian.core.detection import Stage
from tyrian.core.message import Message, Part, ToolCall, Trace
from tyrian.firewall.decide import Judgement
from tyrian.firewall.firewall import Firewall
from tyrian.policy.strict_json import Json

DETECTOR = "mcp"
"""The name under which the proxy's own reasons stand in records."""


@dataclass(slots=True)
class Judge:
    """Judges what passes between one client and one server, after all that passed before."""

    firewall: Firewall
    trace: Trace = field(default_factory=Trace)
    _one_call: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def names(self, tool: str) -> bool:
        """Whether the tool policy has an entry for a tool."""
        gate = self.firewall.gate
        return gate is not None and tool in gate.policy.spec.tools

    async def call(self, tool: str, arguments: Json) -> dict[str, Json]:
        """The canonical arguments of a call; RefusedError where it may not be made.

        Calls are judged one after another: none slips by a limit because it came beside another.
        """
        async with self._one_call:
            # An id of our own: one that a client uses twice would pass for the call before.
            call = ToolCall(f"mcp-{next(self._ids)}", tool, json.dumps(arguments))
            message = Message.assistant(calls=[call])
            passed = await self._passed(message, Stage.TOOL_CALL, f"the call of {shown(tool)}")
            self.trace = self.trace.append(passed)
        given = json.loads(passed.tool_calls[0].arguments or "{}")
        return given if isinstance(given, dict) else {}

    async def result(self, value: Json, tool: str) -> Json:
        """What a tool returned, as it may go on; RefusedError where it may not."""
        return await self._content(value, Stage.TOOL_RESULT, tool, f"what {shown(tool)} gave")

    async def document(self, value: Json, name: str) -> Json:
        """A resource or a prompt, as it may go on."""
        return await self._content(value, Stage.DOCUMENT, name, f"what {shown(name)} gave")

    async def definition(self, value: Json, what: str) -> Json:
        """The definition of a tool, prompt or resource; it does not become part of the trace."""
        return await self._content(value, Stage.DOCUMENT, "", what, is_kept=False)

    async def notice(self, value: Json, method: str) -> Json:
        """A message that the server sends unasked; it does not become part of the trace."""
        what = f"a message {shown(method)}"
        return await self._content(value, Stage.TOOL_RESULT, method, what, is_kept=False)

    async def sampled(self, value: Json) -> Json:
        """What the client's model answers the server."""
        what = "what the model answers the server"
        return await self._content(value, Stage.OUTPUT, "", what, is_kept=False)

    async def refuse(self, rule: str, reason: str, text: str, what: str, stage: Stage) -> Decision:
        """Write down that the proxy itself refuses something; `text` is what it refuses."""
        why = Reason(Effect.BLOCK, f"{DETECTOR}.{rule}", DETECTOR, reason, rule, 1.0)
        message = _message(stage, text, what)
        judgement = Judgement(Effect.BLOCK, (why,))
        return await self.firewall.conclude(
            message, message, judgement, stage=stage, trace=self.trace
        )

    async def _content(
        self, value: Json, stage: Stage, name: str, what: str, *, is_kept: bool = True
    ) -> Json:
        if isinstance(value, dict) and value.get("_meta"):
            # What no model reads is judged by itself: it would only blur what one does read.
            bare = {key: item for key, item in value.items() if key != "_meta"}
            meta = await self._content(value["_meta"], stage, name, what, is_kept=False)
            judged = await self._content(bare, stage, name, what, is_kept=is_kept)
            return {**as_object(judged), "_meta": meta}
        content = content_of(value)
        message = _message(stage, content.parts, name)
        if not content.parts:
            passed = message
        else:
            passed = await self._passed(message, stage, what)
        if is_kept:
            self.trace = self.trace.append(passed)
        segments = passed.segments
        if segments == message.segments:
            return value
        count = len(content.slots)
        if segments[count:] != message.segments[count:]:
            reason = "what is to be redacted stands where it cannot be"
            decision = await self.refuse("redact", reason, message.text, what, stage)
            raise RefusedError(decision, what)
        return replaced(value, iter(segments[:count]))

    async def _passed(self, message: Message, stage: Stage, what: str) -> Message:
        decision = await self.firewall.scan(message, trace=self.trace, stage=stage)
        if not decision.may_pass:
            raise RefusedError(decision, what)
        return decision.subject


def why(refused: RefusedError) -> str:
    """What client and model are told of a refusal; quotes nothing of what was refused."""
    reports = [report for report in refused.decision.calls if report.effect > Effect.REDACT]
    told = [f"{one.reason}. {one.hint}".rstrip(" .") for one in reports]
    if not told:
        told = [reason.message for reason in refused.decision.reasons[:1]]
    return f"[Tyrian: {refused.message}. {' '.join(told)}]"


def shown(name: str) -> str:
    """A name as logs and messages show it: one that is text to read is not repeated."""
    return name if _PLAIN_NAME.fullmatch(name) else "(odd name)"


_PLAIN_NAME = re.compile(r"[\w./:-]{1,64}", re.ASCII)


def _message(stage: Stage, content: str | Sequence[Part], name: str) -> Message:
    if stage is Stage.TOOL_RESULT:
        return Message.tool(content, name=name)
    if stage is Stage.DOCUMENT:
        return Message.document(content, name=name)
    return Message.assistant(content)
