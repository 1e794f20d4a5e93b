"""What the data engines need beyond the base install, and how to get it."""

from importlib.util import find_spec

from tyrian.errors import MissingDependencyError

_EXTRAS = {"polars": "data", "pypdf": "documents", "docx": "documents", "ray": "ray"}


def need(package: str, what: str) -> None:
    """MissingDependencyError where a package of an extra is not installed."""
    if find_spec(package) is None:
        raise MissingDependencyError(
            f"{what} needs the package {package}",
            hint=f"pip install 'tyrian[{_EXTRAS[package]}]'",
        )


def need_polars() -> None:
    """MissingDependencyError where Polars is not installed."""
    need("polars", "reading data")
