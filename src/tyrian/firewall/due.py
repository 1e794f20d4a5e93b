"""Which guards judge what of a message."""

from collections.abc import Callable, Mapping, Sequence

from tyrian.core.detection import DetectorRun, Stage, View, stage_of
from tyrian.core.message import Message, ToolCall, Trace
from tyrian.firewall.excerpt import Excerpt
from tyrian.firewall.guard import Guard
from tyrian.firewall.run import is_inline

_NO_TRACE = Trace()


class Due:
    """Guards of one stage, and the view that they judge."""

    __slots__ = ("_excerpt", "guards", "is_inline", "stage", "view")

    def __init__(
        self,
        stage: Stage,
        guards: Sequence[Guard],
        message: Message,
        trace: Trace,
        excerpt: Excerpt | None = None,
    ) -> None:
        self.stage = stage
        subject = excerpt.message if excerpt else message
        self.guards = [g for g in guards if g.concerns is None or _concerns(g.concerns, subject)]
        self.view = View.of(subject, stage, trace)
        length = len(self.view.text)
        self.is_inline = all(is_inline(guard, length) for guard in self.guards)
        """True where all of them judge on the event loop itself."""
        self._excerpt = excerpt

    def placed(self, runs: list[DetectorRun]) -> list[DetectorRun]:
        """The runs with their places counted in the whole message."""
        return runs if self._excerpt is None else self._excerpt.placed(runs)


class Schedule:
    """The guards by stage.

    Tool calls that a model makes are judged at TOOL_CALL, and are output as well: a guard at
    OUTPUT judges their arguments too, unless TOOL_CALL has a guard of the same name, which then
    speaks for them alone.
    """

    def __init__(self, by_stage: Mapping[Stage, Mapping[str, Guard]]) -> None:
        self._guards = {stage: tuple(named.values()) for stage, named in by_stage.items()}
        output, calls = by_stage[Stage.OUTPUT], by_stage[Stage.TOOL_CALL]
        self._of_all = tuple(guard for name, guard in output.items() if name not in calls)
        self._of_text = tuple(guard for name, guard in output.items() if name in calls)
        self._asks = any(guard.concerns for named in by_stage.values() for guard in named.values())

    def at(self, stage: Stage) -> Sequence[Guard]:
        """The guards due at a stage."""
        return self._guards[stage]

    def reads_trace(self, message: Message, stage: Stage | None) -> bool:
        """True where what was said before may change the answer."""
        if self._is_mixed(message, stage):
            return any(g.reads_trace for at in _FROM_MODEL for g in self._guards[at])
        return any(guard.reads_trace for guard in self._guards[stage or stage_of(message)])

    def dues(self, message: Message, stage: Stage | None, trace: Trace | None) -> list[Due]:
        """What is to be judged, at the message's natural stage unless one is named."""
        dues = self._dues(message, stage, trace)
        return [due for due in dues if due.guards] if self._asks else dues

    def _dues(self, message: Message, stage: Stage | None, trace: Trace | None) -> list[Due]:
        said = trace if trace is not None else _NO_TRACE
        at = stage or stage_of(message)
        if self._is_mixed(message, stage):
            return self._mixed(message, said)
        guards = self._guards[at]
        if not guards:
            return []
        if at is Stage.TOOL_CALL and message.tool_calls:
            return [Due(at, guards, message, said, _excerpt(message, calls=True))]
        return [Due(at, guards, message, said)]

    def _is_mixed(self, message: Message, stage: Stage | None) -> bool:
        if stage is Stage.TOOL_CALL or not any(isinstance(p, ToolCall) for p in message.parts):
            return False
        return (stage or stage_of(message)) in _FROM_MODEL

    def _mixed(self, message: Message, trace: Trace) -> list[Due]:
        dues: list[Due] = []
        if self._of_all:
            dues.append(Due(Stage.OUTPUT, self._of_all, message, trace))
        if self._of_text and len(message.tool_calls) < len(message.parts):
            text = Excerpt(message, calls=False)
            dues.append(Due(Stage.OUTPUT, self._of_text, message, trace, text))
        if self._guards[Stage.TOOL_CALL]:
            calls = _excerpt(message, calls=True)
            dues.append(Due(Stage.TOOL_CALL, self._guards[Stage.TOOL_CALL], message, trace, calls))
        return dues


_FROM_MODEL = (Stage.OUTPUT, Stage.TOOL_CALL)


def _concerns(concerns: Callable[[Message], bool], message: Message) -> bool:
    try:
        return concerns(message)
    except Exception:  # noqa: BLE001 - who cannot say what to pass over passes over nothing
        return True


def _excerpt(message: Message, *, calls: bool) -> Excerpt | None:
    if len(message.tool_calls) == len(message.parts):
        return None
    return Excerpt(message, calls=calls)
