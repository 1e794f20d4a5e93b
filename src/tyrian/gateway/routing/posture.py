"""Where a model server stands: inside, or hosted by somebody else; and how it is watched."""

from dataclasses import dataclass, field

from tyrian.gateway.routing.breaker import CircuitLimits


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A GET that tells whether a server is well; seconds."""

    path: str = "/health"
    """From the root of the server."""
    every_s: float = 10.0
    timeout_s: float = 3.0
    unhealthy_after: int = 2
    """Failed checks in a row after which it counts as unwell; one good check mends it."""


@dataclass(frozen=True, slots=True)
class Posture:
    """What routing knows of a model server beforehand."""

    is_hosted: bool = False
    """It is somebody else's: personal data and secrets never go there."""
    data_classes: frozenset[str] = frozenset()
    """The only classes of data that may go there; empty puts no further limit."""
    circuit: CircuitLimits = field(default_factory=CircuitLimits)
    health: HealthCheck | None = None
