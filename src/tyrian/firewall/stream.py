"""StreamGuard: nothing leaves a stream before it is judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Stage
from tyrian.core.message import Message, TextPart, ToolCall, Trace
from tyrian.firewall.decide import Judgement
from tyrian.firewall.holdback import FIRST_WORDS, StreamLimits, cut_before, tail_of
from tyrian.firewall.log import DecisionLog
from tyrian.firewall.panel import Panel
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.firewall.redact import Mark, apply_edits, edits_of, merge_marks
from tyrian.firewall.settle import Settler
from tyrian.review.request import Reviewer

CHANGED_BEHIND = "what is to be redacted reaches into text that has already left"


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call; pieces of one call share its index."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer: text, or a piece of a tool call."""

    text: str = ""
    call: ToolCallDelta | None = None


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def add(self, delta: ToolCallDelta) -> None:
        self.id = self.id or delta.id
        self.name += delta.name
        self.arguments.append(delta.arguments)

    def whole(self) -> ToolCall:
        return ToolCall(self.id, self.name, "".join(self.arguments))


class StreamGuard:
    """Guards one streamed answer, without I/O: deltas in, deltas that may leave out.

    Text leaves once it has been judged together with at least `hold_back` characters after it.
    From the first tool call on, everything waits until the whole answer has been judged. `close`
    judges the whole answer, exactly as `Firewall.scan` would, and gives the rest or nothing.
    Close it also when the client has gone, or no decision is written down.
    """

    def __init__(
        self,
        panel: Panel,
        settler: Settler,
        log: DecisionLog,
        limits: StreamLimits,
        *,
        trace: Trace | None = None,
        pseudonyms: Pseudonyms | None = None,
        said: Trace | None = None,
        reviewer: Reviewer | None = None,
    ) -> None:
        self.decision: Decision | None = None
        self._panel = panel
        self._settler = settler
        self._log = log
        self._limits = limits
        self._trace = trace
        self._said = said or trace
        self._reviewer = reviewer
        self._pseudonyms = pseudonyms if pseudonyms is not None else Pseudonyms()
        guards = panel.at(Stage.OUTPUT)
        self._holds_text = bool(guards)
        self._holds_calls = bool(guards or panel.at(Stage.TOOL_CALL)) or settler.gate is not None
        self._is_cheap = all(guard.is_bounded for guard in guards)
        self._chunks: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._released: list[str] = []
        self._gone = 0
        self._tail = ""
        self._carry = next((guard.carry for guard in guards if guard.carry is not None), None)
        self._carried = ""
        self._is_tail_whole = True
        self._pending = ""
        self._fresh = 0
        self._held: list[Delta] = []
        self._waits_for_end = False
        self._is_closed = False

    @property
    def is_blocked(self) -> bool:
        """True once a decision has been made that lets nothing more leave."""
        return self.decision is not None and not self.decision.may_pass

    async def feed(self, delta: Delta) -> list[Delta]:
        """Take the next delta; what may leave now, in order."""
        if self._is_closed:
            return []
        leaving: list[Delta] = []
        if delta.text:
            leaving += self._take_text(delta.text)
        if delta.call is not None:
            leaving += self._take_call(delta.call)
        if self._is_due():
            leaving += await self._release()
        return leaving

    async def close(self) -> list[Delta]:
        """Judge the whole answer; the deltas that are left, or none where it is blocked."""
        if self._is_closed:
            return []
        self._is_closed = True
        message = self._message()
        judgement = await self._panel.judge(message, trace=self._trace)
        judgement, subject = await self._settler.settle(
            message, judgement, self._pseudonyms, self._said, reviewer=self._reviewer
        )
        released = "".join(self._released)
        text = _text_of(subject)
        if judgement.effect <= Effect.REDACT and not text.startswith(released):
            judgement, subject = judgement.escalated(CHANGED_BEHIND), message
        self.decision = await self._log.conclude(message, subject, judgement, trace=self._trace)
        if self.is_blocked:
            return []
        if subject == message:
            return self._rest_as_it_came()
        return self._rest_redacted(text[len(released) :], subject.tool_calls)

    def _take_text(self, text: str) -> list[Delta]:
        self._chunks.append(text)
        if self._held:
            self._held.append(Delta(text))
        elif self._holds_text:
            self._pending += text
            self._fresh += len(text)
        else:
            self._released.append(text)
            return [Delta(text)]
        return []

    def _take_call(self, call: ToolCallDelta) -> list[Delta]:
        self._calls.setdefault(call.index, _Call()).add(call)
        if self._holds_calls:
            self._held.append(Delta(call=call))
            return []
        return [Delta(call=call)]

    def _is_due(self) -> bool:
        """Scans come at a distance that grows with what is pending: the sum stays linear."""
        least = self._limits.window + (0 if self._gone else FIRST_WORDS)
        if self._held or self._waits_for_end or len(self._pending) < least:
            return False
        step = self._limits.step(self._gone, is_cheap=self._is_cheap)
        return self._fresh >= max(step, len(self._pending) // 4)

    async def _release(self) -> list[Delta]:
        context = self._carried + self._tail + self._pending
        judgement = await self._panel.judge(
            Message.assistant(context), stage=Stage.OUTPUT, trace=self._trace
        )
        self._fresh = 0
        if judgement.effect > Effect.REDACT:
            await self._hold_or_block(judgement)
            return []
        back = len(self._carried) + len(self._tail)
        marks = [
            Mark(m.start - back, m.end - back, m.label, m.style, m.note)
            for m in merge_marks(judgement.marks)
            if m.end > back
        ]
        if marks and marks[0].start < 0:
            self._waits_for_end = True
            return []
        cut = cut_before(self._pending, marks, self._limits)
        return self._let_go(cut, [mark for mark in marks if mark.end <= cut])

    def _let_go(self, cut: int, marks: Sequence[Mark]) -> list[Delta]:
        if cut <= 0:
            return []
        piece, self._pending = self._pending[:cut], self._pending[cut:]
        self._gone += cut
        behind = self._tail + piece
        self._tail = tail_of(behind, self._limits.context)
        if self._carry is not None and len(self._tail) < len(behind):
            self._carried = self._carry(self._carried + behind[: -len(self._tail)])
        self._is_tail_whole = self._is_tail_whole and len(self._tail) == len(behind)
        if marks:
            self._pseudonyms.reserve(piece)
            piece = apply_edits(piece, edits_of(piece, marks, self._pseudonyms))
        self._released.append(piece)
        return [Delta(piece)]

    async def _hold_or_block(self, judgement: Judgement) -> None:
        """Only what the whole answer so far shows may end the stream; else wait for its end."""
        self._waits_for_end = True
        if judgement.effect is not Effect.BLOCK:
            return
        message = self._message()
        if not self._is_tail_whole:
            judgement = await self._panel.judge(message, trace=self._trace)
        if judgement.effect is Effect.BLOCK:
            self._is_closed = True
            self.decision = await self._log.conclude(message, message, judgement, trace=self._trace)

    def _message(self) -> Message:
        calls = [call.whole() for _, call in sorted(self._calls.items())]
        return Message.assistant("".join(self._chunks), calls=calls)

    def _rest_as_it_came(self) -> list[Delta]:
        first = [Delta(self._pending)] if self._pending else []
        return first + self._held

    def _rest_redacted(self, text: str, calls: Sequence[ToolCall]) -> list[Delta]:
        """Text first, then the calls; a call that was changed comes in one piece."""
        rest = [Delta(text)] if text else []
        changed = {
            index: call
            for (index, was), call in zip(sorted(self._calls.items()), calls, strict=True)
            if was.whole() != call
        }
        sent: set[int] = set()
        for delta in self._held:
            if delta.call is None:
                continue
            index = delta.call.index
            if index not in changed:
                rest.append(delta)
            elif index not in sent:
                call = changed[index]
                rest.append(Delta(call=ToolCallDelta(index, call.id, call.name, call.arguments)))
                sent.add(index)
        return rest


def _text_of(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))
