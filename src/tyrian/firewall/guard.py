"""A Guard: one detector at one stage, with its deadline."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from inspect import iscoroutinefunction

from tyrian.core.detection import Detector, DetectorInfo, Stage, View
from tyrian.core.message import Message
from tyrian.errors import ConfigError
from tyrian.firewall.cascade import Cascade
from tyrian.firewall.cascade_gap import Gap
from tyrian.firewall.redact import RedactStyle

DEFAULT_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Guard:
    """A detector due at a stage. One detector may serve guards of several stages.

    A detector may declare five attributes beyond the protocol: `window`, the most characters that
    it judges at once (longer texts are cut with overlap), `reads_trace = False`, which lets
    decisions be cached across conversations, `concerns(message)`, which is False for messages that
    hold nothing it reads; it must be cheap, and does not run for those; `is_slow(view)`, which is
    True for texts, however short, that a bounded detector must not judge on the event loop, where
    it is asked; and `carry(text)`, which gives what of a text that has left a stream must stand
    before the rest, such as the fence of a code block that is still open.
    """

    detector: Detector
    stage: Stage
    name: str = ""
    """Unique within its stage and the name that rules use; `detector.info.name` by default."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    redact_with: RedactStyle = RedactStyle.LABEL
    cascade: Cascade | None = None
    """What is asked before this guard's own detector; None where nothing is."""
    first: "Guard | None" = field(init=False)
    """The guard that asks the cascade's first detector, under the same name."""
    gap: Gap = field(init=False)
    """What this guard's detector judges and the cascade's first does not."""
    is_async: bool = field(init=False)
    """`detect` is a coroutine function and runs on the event loop."""
    is_bounded: bool = field(init=False)
    """Linear-time and quick; may run inline."""
    window: int = field(init=False)
    """Most characters at once, 0 where there is no limit."""
    reads_trace: bool = field(init=False)
    concerns: Callable[[Message], bool] | None = field(init=False)
    """Whether a message holds anything that the detector reads; None where all do."""
    is_slow: Callable[[View], bool] | None = field(init=False)
    """Whether a short text takes long all the same; None where none does."""
    carry: Callable[[str], str] | None = field(init=False)
    """What of the text that has left a stream stands before the rest; None where nothing does."""

    def __post_init__(self) -> None:
        if not self.timeout_s > 0:
            raise ConfigError(
                f"guard {self.name!r} has a deadline of {self.timeout_s} s",
                hint="timeout_s must be greater than 0",
            )
        wait_s = self.cascade.max_wait_s if self.cascade else None
        if wait_s is not None and wait_s >= self.timeout_s:
            raise ConfigError(
                f"guard {self.name!r} has a latency budget of {wait_s:g} s, and fails after "
                f"{self.timeout_s:g} s anyway",
                hint="write a max_wait_s below timeout_s, or leave it out",
            )
        is_async = iscoroutinefunction(self.detector.detect)
        name = self.name or self.detector.info.name
        derived = {
            "name": name,
            "first": self._first(name),
            "gap": self._gap(),
            "is_async": is_async,
            "is_bounded": bool(self.detector.is_bounded) and not is_async,
            "window": int(getattr(self.detector, "window", 0) or 0),
            "reads_trace": _reads_trace(self.detector)
            or (self.cascade is not None and _reads_trace(self.cascade.first)),
            "concerns": getattr(self.detector, "concerns", None),
            "is_slow": getattr(self.detector, "is_slow", None),
            "carry": getattr(self.detector, "carry", None),
        }
        for key, value in derived.items():
            object.__setattr__(self, key, value)

    def _first(self, name: str) -> "Guard | None":
        if self.cascade is None:
            return None
        return Guard(self.cascade.first, self.stage, name, self.timeout_s, self.redact_with)

    def _gap(self) -> Gap:
        if self.cascade is None:
            return Gap()
        return Gap.between(self.cascade.first.info, self.detector.info, self.cascade.idle)

    @property
    def patience_s(self) -> float:
        """Seconds that the guard's own detector may take."""
        wait_s = self.cascade.max_wait_s if self.cascade else None
        return self.timeout_s if wait_s is None else wait_s

    @property
    def info(self) -> DetectorInfo:
        """What the detector is, under the name of this guard, and what a cascade leaves to it."""
        info = self.detector.info
        notes = (info.note, self.cascade.note(self.gap) if self.cascade else "")
        return replace(info, name=self.name, note="; ".join(filter(None, notes)))


def _reads_trace(detector: Detector) -> bool:
    return bool(getattr(detector, "reads_trace", True))
