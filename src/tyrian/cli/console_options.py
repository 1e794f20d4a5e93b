"""What the environment says of the console: its address, and an identity provider."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from tyrian.errors import ConfigError
from tyrian.gateway.console.options import OidcOptions
from tyrian.gateway.console.sign_in.oidc import checked_options

ORIGIN = "TYRIAN_CONSOLE_URL"
ISSUER = "TYRIAN_OIDC_ISSUER"
CLIENT_ID = "TYRIAN_OIDC_CLIENT_ID"
CLIENT_SECRET = "TYRIAN_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable
NAME = "TYRIAN_OIDC_NAME"
DOMAINS = "TYRIAN_OIDC_DOMAINS"


def origin_of(environment: Mapping[str, str]) -> str:
    """Scheme and host of the console as people use it; empty where it is not set."""
    given = environment.get(ORIGIN, "").strip().rstrip("/")
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_fit = False
    if not is_fit or parts.path or parts.query or parts.fragment or parts.username:
        raise ConfigError(
            f"{ORIGIN} is not the address of a site",
            hint="write it as scheme and host, such as https://tyrian.example",
        )
    return given


def oidc_of(environment: Mapping[str, str]) -> OidcOptions | None:
    """The identity provider, None where none is named."""
    issuer = environment.get(ISSUER, "").strip()
    if not issuer:
        return None
    domains = environment.get(DOMAINS, "").lower().replace(",", " ").split()
    return checked_options(
        OidcOptions(
            issuer=issuer,
            client_id=environment.get(CLIENT_ID, "").strip(),
            client_secret=environment.get(CLIENT_SECRET, ""),
            name=environment.get(NAME, "").strip() or "your organisation",
            domains=tuple(domains),
        )
    )
