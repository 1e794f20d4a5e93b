"""What one worker holds of one budget: a part taken in advance, spent from memory.

No input or output happens here. A purse changes in two ways: requests take from it and are settled
in it at once, and now and then what came of that is written to its row, the lease. The row has a
version, so that after a lost connection the next look at it tells whether the write got through.
"""

from dataclasses import dataclass, field
from typing import Final

from tyrian.gateway.store.ids import new_id

SHARE: Final = 64
"""No worker holds more than this part of what a budget has left for requests yet to come."""

AHEAD: Final = 32
"""Requests for which is taken in advance."""

KEPT_S: Final = 10
"""After so long without a request what is free goes back to the budget."""

LEASE_S: Final = 600
"""After so long without a write a worker must have died: all that it holds counts as spent."""


@dataclass(slots=True)
class Change:
    """What one write does to a purse and its row; nano-dollars."""

    version: int
    """Of the row once it is written."""
    booked: int = 0
    """Spent, and no longer held."""
    promised: int = 0
    """For requests that wait for this write."""
    aside: int = 0
    """That part of what is promised that was free before."""
    ahead: int = 0
    """Taken from the budget for requests yet to come."""
    returned: int = 0
    """Given back to the budget."""

    @property
    def granted(self) -> int:
        """What the budget adds."""
        return self.promised - self.aside + self.ahead


@dataclass(slots=True)
class Purse:
    """A worker's part of one budget: its total is what is free, held and spent together."""

    budget_id: str
    lease_id: str = field(default_factory=lambda: new_id("lse"))
    version: int = 0
    """Of its row; 0 where there is none yet."""
    total: int = 0
    """What its row holds; nano-dollars, as all amounts here."""
    free: int = 0
    """For requests yet to come."""
    held: int = 0
    """For requests that run."""
    spent: int = 0
    """Used, and not yet booked in the budget."""
    most_held: int = 0
    """Since the last write."""
    usual: int = 0
    """What the last request reserved."""
    limit: int = -1
    """Of the budget, as it was when the row was last written."""
    written_at: int = 0
    """Seconds since 1970."""
    is_used: bool = False
    """Something was taken since the last write."""
    is_tight: bool = False
    """So little is left that nothing is taken in advance, and all goes back at once."""
    is_dead: bool = False
    """Its row is gone: all that it held counts as spent, and nothing is to be booked."""
    unsure: Change | None = None
    """A write of which nobody knows whether it got through."""

    def take(self, nanos: int) -> None:
        """Hold an amount that is free."""
        self.free -= nanos
        self.held += nanos
        self._note_use(nanos)

    def settle(self, held: int, used: int) -> None:
        """End what was held: a part of it is spent, the rest is free again."""
        if not self.is_dead:
            self.held -= held
            self.spent += used
            self.free += held - used

    def begin(self) -> Change:
        """A write that books what was spent; the purse may go on being used meanwhile."""
        return Change(self.version + 1, booked=self.spent)

    def promise(self, change: Change, nanos: int) -> None:
        """Set an amount aside for a request that waits; the budget adds what is lacking."""
        aside = min(self.free, nanos)
        self.free -= aside
        change.aside += aside
        change.promised += nanos
        self._note_use(nanos)

    def level(self, change: Change, left: int) -> None:
        """Bring what is free to what it should be; `left` is what the budget has besides."""
        wanted = self._wanted(left + self.free)
        self.is_tight = self.is_used and wanted == 0
        if wanted < self.free:
            change.returned = self.free - wanted
            self.free = wanted
        elif change.promised:
            change.ahead = wanted - self.free
        self.most_held, self.is_used = self.held + change.promised, False

    def _wanted(self, left: int) -> int:
        if not self.is_used:
            return 0
        most = min(self.most_held + AHEAD * self.usual, max(0, left) // SHARE)
        return most if most >= self.usual else 0

    def commit(self, change: Change) -> None:
        """The write got through: those who waited for it hold what was set aside."""
        self._apply(change)
        self.free += change.ahead
        self.held += change.promised

    def reconcile(self, version: int | None) -> None:
        """Learn from the version of the row, None where it is gone, what came of a doubtful write.

        Those who waited for it were told that it failed, so what they were promised is free.
        """
        change, self.unsure = self.unsure, None
        if change is not None and version == change.version:
            self._apply(change)
            self.free += change.promised + change.ahead
        elif (version or 0) != self.version:
            self.is_dead = True
        elif change is not None:
            self.free += change.aside + change.returned

    def is_due(self, now: int) -> bool:
        """True where a write has something to tell."""
        if self.spent or self.unsure or (self.free and (self.is_used or self.is_tight)):
            return True
        age_s = abs(now - self.written_at)
        return age_s >= KEPT_S if self.free else self.held > 0 and age_s >= LEASE_S // 4

    def _apply(self, change: Change) -> None:
        self.version = change.version
        self.total += change.granted - change.returned - change.booked
        self.spent -= change.booked

    def _note_use(self, nanos: int) -> None:
        self.usual = nanos
        self.most_held = max(self.most_held, self.held)
        self.is_used = True
