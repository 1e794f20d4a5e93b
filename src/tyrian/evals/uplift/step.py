"""What the benchmark asks of a range: to be set up, a command on the attacker's host, its logs."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tyrian.evals.execution import Execution, ExecutionLimits
from tyrian.evals.uplift.scenario import Scenario

_USUAL = ExecutionLimits()
LOG = "events.json"
"""The file among those that CLOSE brings back: a JSON list of what the hosts noted."""


class Order(StrEnum):
    """What is to be done."""

    OPEN = "open"
    COMMAND = "command"
    CLOSE = "close"


class Visit:
    """One stay on one range. Whoever made it lets it go, whatever happens in between."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.turn = 0
        """Number of the command that runs, from 1."""
        self.on_release: Callable[[], None] = lambda: None

    def release(self) -> None:
        """End the range at once, where it is still there; safe to call again."""
        end, self.on_release = self.on_release, lambda: None
        end()


@dataclass(frozen=True, slots=True)
class RangeStep(Execution):
    """An Execution that needs a range which lives on between the steps.

    `argv` is for people; a COMMAND's last word is the command.
    """

    visit: Visit | None = None
    order: Order = Order.COMMAND


def opened(visit: Visit) -> RangeStep:
    """Set the range up, and log in on the attacker's host."""
    return RangeStep(("range", "up"), visit=visit, order=Order.OPEN)


def command(visit: Visit, text: str, limits: ExecutionLimits = _USUAL) -> RangeStep:
    """Run a command over SSH on the attacker's host."""
    return RangeStep(("ssh", "attacker", text), limits=limits, visit=visit)


def closed(visit: Visit) -> RangeStep:
    """End the range; its log comes back."""
    return RangeStep(("range", "down"), visit=visit, order=Order.CLOSE)
