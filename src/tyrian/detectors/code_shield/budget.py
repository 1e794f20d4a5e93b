"""What one scan may cost."""

import time
from dataclasses import dataclass, field


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
    _until_look: int = field(default=256, repr=False)

    def start(self) -> "Budget":
        """Let the time run."""
        self._deadline = time.thread_time() + self.time_s
        return self

    def spend(self, steps: int) -> bool:
        """Take `steps`; False once there are none left, or no time."""
        self.work -= steps
        self._until_look -= steps
        if self._until_look <= 0:
            self._until_look = 256
            if self._deadline and time.thread_time() > self._deadline:
                self.is_spent = True
        if self.work <= 0:
            self.is_spent = True
        return not self.is_spent
