"""The address of a model server, as far as it can be checked before anything is asked."""

from tyrian.errors import ConfigError


def check_server_url(url: str, *, path: str, what: str = "the address of the model server") -> None:
    """Refuse what is not an http or https URL with a ConfigError; `path` is one for its hint."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(
            f"{what} is not an http or https URL",
            hint=f"write it with its path, for example http://127.0.0.1:8000{path}",
        )
