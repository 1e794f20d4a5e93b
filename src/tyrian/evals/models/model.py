"""A model under test, or one that judges: whatever answers a request."""

from typing import Protocol

from tyrian.evals.exchange import Reply, Request


class Model(Protocol):
    """Answers requests; failures are replies with a status, never exceptions."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    @property
    def identity(self) -> str:
        """All that makes its answers what they are (address, model, guard): key of the cache."""
        ...

    async def reply(self, request: Request) -> Reply:
        """The answer, or the reason why there is none."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


def account_of(model: Model) -> str:
    """Whose limits its requests count against: server and key's variable, never the key.

    Models that nobody pays for share the empty one.
    """
    return str(getattr(model, "account", ""))
