"""Which hub is spoken to, with whose token: what the environment says."""

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tyrian.errors import ConfigError

ENDPOINT_VARIABLE = "HF_ENDPOINT"
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105  the name of a variable, not a secret
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
DEFAULT_ENDPOINT = "https://huggingface.co"
_YES = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A hub, or a mirror that speaks its protocol."""

    url: str = DEFAULT_ENDPOINT
    token: str = field(default="", repr=False)
    is_offline: bool = False

    def page_of(self, repository: str) -> str:
        """Where people read about a repository, and accept its terms."""
        return f"{self.url}/{repository}"

    @property
    def token_page(self) -> str:
        """Where people make a token."""
        return f"{self.url}/settings/tokens"


def endpoint_from_environment() -> Endpoint:
    """The hub of `HF_ENDPOINT`, with `HF_TOKEN`; `HF_HUB_OFFLINE` forbids the network.

    ConfigError where the endpoint is no URL, or where the token would cross a network in clear.
    """
    url = (os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT).strip().rstrip("/")
    token = (os.environ.get(TOKEN_VARIABLE) or "").strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ConfigError(
            f"{ENDPOINT_VARIABLE} is not the URL of a hub",
            hint=f"for example {ENDPOINT_VARIABLE}={DEFAULT_ENDPOINT}",
        )
    if parts.username or parts.password:
        raise ConfigError(
            f"{ENDPOINT_VARIABLE} holds a user name or a password",
            hint=f"give the token in {TOKEN_VARIABLE}",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"{TOKEN_VARIABLE} holds something that is not a token")
    if token and parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{TOKEN_VARIABLE} would go to {parts.hostname} unencrypted",
            hint=f"give {ENDPOINT_VARIABLE} an https URL, or unset {TOKEN_VARIABLE}",
        )
    is_offline = any(os.environ.get(name, "").lower() in _YES for name in OFFLINE_VARIABLES)
    return Endpoint(url, token, is_offline)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
