"""What one scan may cost."""

import time
from dataclasses import dataclass, field

_LOOK = 256
"""Steps between two looks at what is left."""


@dataclass(slots=True, eq=False, repr=False)
class Budget:
    """Work and time that are left; what could not be judged shows in the coverage."""

    work: int = 100_000
    """Steps of a few microseconds at most."""
    time_s: float = 0.18
    """Processor time of the thread, so that a busy machine judges no less of a text."""
    size: int = 200_000
    """Characters of one message that are read."""
    most_functions: int = 2000
    is_spent: bool = False
    _deadline: float = field(default=0.0, repr=False)
    _until_look: int = field(default=_LOOK, repr=False)

    def start(self) -> "Budget":
        """Let the time run."""
        self._deadline = time.thread_time() + self.time_s
        return self

    def spend(self, steps: int) -> bool:
        """Take `steps`; False once there are none left, or no time."""
        self._until_look -= steps
        return self._until_look > 0 or self._look()

    def _look(self) -> bool:
        """Whether anything is left; asked once in many steps, since the clock is slow to ask."""
        self.work -= _LOOK - self._until_look
        if self.work <= 0 or (self._deadline and time.thread_time() > self._deadline):
            self.is_spent = True
        self._until_look = 0 if self.is_spent else _LOOK
        return not self.is_spent
