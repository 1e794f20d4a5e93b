"""A circuit breaker: a model server that keeps failing is left alone for a while. No I/O."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MAX_OPEN_S = 120.0
"""Longest rest, however often the probe fails."""


class Circuit(StrEnum):
    """The state of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class CircuitLimits:
    """When a circuit opens, and for how long."""

    failures: int = 5
    """Failures in a row after which it opens; 0 never opens it."""
    open_s: float = 10.0
    """The first rest in seconds; it doubles with each probe that fails, up to MAX_OPEN_S."""


class Breaker:
    """Counts the failures of one server.

    Whoever gets True of `begin` must tell how it went, by exactly one of `succeed`, `fail` and
    `release`. Half open, one request at a time goes through as the probe.
    """

    def __init__(
        self, limits: CircuitLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits or CircuitLimits()
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0
        self._rest_s = 0.0
        """0 while the circuit is closed."""
        self._is_probing = False

    @property
    def state(self) -> Circuit:
        """What the next request meets."""
        if not self._rest_s:
            return Circuit.CLOSED
        return Circuit.OPEN if self.wait_s > 0 else Circuit.HALF_OPEN

    @property
    def wait_s(self) -> float:
        """Seconds until a probe may go through; 0 where one may."""
        if not self._rest_s:
            return 0.0
        return max(0.0, self._opened_at + self._rest_s - self._clock())

    def begin(self) -> bool:
        """True where a request may be sent now."""
        state = self.state
        if state is Circuit.CLOSED:
            return True
        if state is Circuit.OPEN or self._is_probing:
            return False
        self._is_probing = True
        return True

    def succeed(self) -> None:
        """The server answered: the circuit is closed."""
        self._failures = 0
        self._rest_s = 0.0
        self._is_probing = False

    def fail(self) -> None:
        """The server did not answer, or broke off."""
        was_probe, self._is_probing = self._is_probing, False
        self._failures += 1
        if was_probe:
            self._open(min(self._rest_s * 2, MAX_OPEN_S))
        elif not self._rest_s and 0 < self._limits.failures <= self._failures:
            self._open(min(self._limits.open_s, MAX_OPEN_S))

    def release(self) -> None:
        """The request ended without a word about the server, such as by a client that left."""
        self._is_probing = False

    def rested(self) -> None:
        """A health check passed: an open circuit may be probed at once."""
        if self._rest_s:
            self._opened_at = self._clock() - self._rest_s

    def _open(self, rest_s: float) -> None:
        self._opened_at = self._clock()
        self._rest_s = rest_s
