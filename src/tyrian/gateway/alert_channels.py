"""How a gateway can tell of a spend alert, beside its console and its audit log."""

from dataclasses import dataclass

from tyrian.gateway.mail import Mailer
from tyrian.gateway.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Channels:
    """What the stack file names for it; without any nobody is told but who looks."""

    mailer: Mailer | None = None
    webhook: Webhook | None = None
