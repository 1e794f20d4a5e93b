"""A model server with its present state."""

from tyrian.gateway.routing.breaker import Breaker, Circuit
from tyrian.gateway.routing.posture import Posture
from tyrian.gateway.upstream import Upstream


class Server:
    """An upstream, where it stands, and how it is."""

    def __init__(self, upstream: Upstream, posture: Posture | None = None) -> None:
        self.upstream = upstream
        given = posture or getattr(upstream, "posture", None)
        self.posture = given if isinstance(given, Posture) else Posture()
        self.breaker = Breaker(self.posture.circuit)
        self.is_healthy = True
        """What the health check says; True where there is none."""

    @property
    def name(self) -> str:
        """The upstream's name."""
        return self.upstream.name

    @property
    def status(self) -> str:
        """`available`, `degraded` (tried after others) or `unavailable` (not tried at all)."""
        if self.breaker.state is Circuit.OPEN:
            return "unavailable"
        is_well = self.is_healthy and self.breaker.state is Circuit.CLOSED
        return "available" if is_well else "degraded"

    def fault(self, data_classes: frozenset[str]) -> str:
        """The class of data that keeps a request from going there, empty where it may go."""
        for name in sorted(data_classes):
            if self.posture.is_hosted and name in NEVER_HOSTED:
                return name
            if self.posture.data_classes and name not in self.posture.data_classes:
                return name
        return ""


NEVER_HOSTED = frozenset({"pii", "secret"})
"""Classes of data that never leave for a hosted upstream, whatever the stack file says."""
