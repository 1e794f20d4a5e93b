"""What the console is told when the gateway is built."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.stack.schema import Stack

if TYPE_CHECKING:  # it brings the database along
    from tyrian.gateway.console.stack.running import RunningStack


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """An identity provider that people may sign in with."""

    issuer: str
    """As in its discovery document; `https`, but for a provider on this machine."""
    client_id: str
    client_secret: str = field(default="", repr=False)
    """Empty for a public client, which proves itself by PKCE alone."""
    name: str = "your organisation"
    """What the button says."""
    domains: tuple[str, ...] = ()
    """Verified e-mail addresses of these domains join as viewers; others need an invitation."""


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Where the console runs, and what it may show."""

    is_loopback: bool = False
    """Bound to this machine alone: the link from the terminal is then enough to work."""
    home: Path | None = None
    """Where the key lies that seals second factors (`console.key`)."""
    origin: str = ""
    """The address that people use, such as https://tyrian.example; for OIDC and passkeys. Empty
    takes what the browser says."""
    oidc: OidcOptions | None = None
    stack: Stack | None = None
    """The stack that runs, for the page that shows it."""
    stack_text: str = ""
    stack_path: Path | None = None
    running: "RunningStack | None" = None
    """How another stack takes its place; None where it cannot."""
