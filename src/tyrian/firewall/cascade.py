"""A cascade: a cheap detector is asked first, the guard's own one only where that is unsure."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tyrian.core.detection import Detection, Detector, DetectorRun, RunStatus
from tyrian.errors import ConfigError
from tyrian.firewall.cascade_gap import Gap

OVER_SHARE = "the share of messages for the larger guard was used up"
OVER_TIME = "the larger guard took longer than its latency budget"

Settles = Callable[[Sequence[DetectorRun]], bool]
"""Whether these runs decide by themselves, whatever others would say."""

CREDIT = 20.0
"""Messages that may be asked about in a row before the share counts."""


class OverBudget(StrEnum):
    """What stands for an unsure message where the budget is spent."""

    FIRST = "first"
    """What the first detector said."""
    FAIL = "fail"
    """The guard counts as failed, and its `on_error` decides."""


class Share:
    """Lets at most a share (0..1) of all messages through, with room for short bursts.

    Counts messages rather than seconds, so that it means the same at any rate of traffic.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._credit = CREDIT
        self._lock = threading.Lock()

    def note(self) -> None:
        """One more message was seen."""
        with self._lock:
            self._credit = min(CREDIT, self._credit + self.most)

    def take(self) -> bool:
        """True where one more may be asked about, which is then counted."""
        with self._lock:
            if self.most >= 1.0:
                return True
            if self._credit < 1.0:
                return False
            self._credit -= 1.0
            return True


@dataclass(frozen=True, slots=True)
class Cascade:
    """Which detector is asked first, when it is unsure, and what asking further may cost."""

    first: Detector
    unsure: tuple[float, float]
    """A greatest score of at least the first and less than the second leaves the matter open."""
    max_share: float = 1.0
    """Share of messages (0..1) about which the guard's own detector may be asked."""
    max_wait_s: float | None = None
    """Seconds that its answer may take; the guard's deadline where it is left out."""
    over_budget: OverBudget = OverBudget.FIRST
    idle: frozenset[str] = frozenset()
    """Labels of the guard's own detector that have no effect: nobody is asked for their sake."""
    share: Share = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        low, high = self.unsure
        if not 0.0 <= low < high <= 1.0:
            raise ConfigError(
                f"a cascade cannot be unsure from {low} to {high}",
                hint="scores go from 0 to 1, and the first number must be the smaller one",
            )
        object.__setattr__(self, "share", Share(self.max_share))

    def is_sure(self, detection: Detection) -> bool:
        """True where the first detector settles the matter, as far as it can judge it."""
        low, high = self.unsure
        return detection.coverage >= 1.0 and not low <= detection.score < high

    def describe(self, gap: Gap) -> str:
        """Everything that decisions depend on, for the policy's digest and for people."""
        low, high = self.unsure
        wait = f", {self.max_wait_s:g} s at most" if self.max_wait_s is not None else ""
        return (
            f"{self._name} {self.first.info.revision} first; "
            f"unsure from {low:g} to {high:g}, {self.max_share:.0%} of messages at most{wait}, "
            f"else {self.over_budget}; left out by the first: {gap}"
        )

    def note(self, gap: Gap) -> str:
        """What is always asked because of a gap, and what a spent budget means for it."""
        if not str(gap):
            return ""
        about = "every message" if gap.labels else "every message with images"
        said = (
            f"in its cascade, asked about {about} that {self._name} does not block, "
            f"because that model does not judge {gap}"
        )
        if self.max_share >= 1.0 and self.max_wait_s is None:
            return said
        is_failed = self.over_budget is OverBudget.FAIL
        return f"{said}; beyond the budget {'the guard fails' if is_failed else 'nobody does'}"

    def settle(
        self, first: DetectorRun, left_out: str = "", settles: Settles | None = None
    ) -> DetectorRun | None:
        """The run that stands after the first detector's; None where the guard is asked as well.

        Of a message of which the first detector leaves something out (`left_out`, in words), it is
        never sure that it is harmless; where it is sure of the contrary, `settles` has to agree.
        """
        self.share.note()
        if first.detection is not None and self.is_sure(first.detection):
            is_hit = first.detection.score >= self.unsure[1]
            if not left_out or (is_hit and (settles is None or settles((first,)))):
                return first
        return None if self.share.take() else self._over_budget(first, left_out, OVER_SHARE)

    def end(self, first: DetectorRun, run: DetectorRun, left_out: str = "") -> DetectorRun:
        """The run that stands once the guard's own detector has been asked."""
        if run.status is RunStatus.TIMEOUT and self.max_wait_s is not None:
            return self._over_budget(first, left_out, OVER_TIME)
        return run

    @property
    def _name(self) -> str:
        return self.first.info.model or self.first.info.kind

    def _over_budget(self, first: DetectorRun, left_out: str, spent: str) -> DetectorRun:
        why = f"{self._name} does not judge {left_out}" if left_out else "unsure"
        reason = f"{why}, and {spent}"
        if self.over_budget is OverBudget.FIRST and first.status is RunStatus.OK:
            return replace(first, reason=reason)
        return DetectorRun(first.detector, RunStatus.TIMEOUT, first.elapsed_s, None, reason)
