"""Reads the options of a guard: types checked, unknown keys refused with the nearest known one."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from tyrian.core.registry import DetectorConfig
from tyrian.errors import ConfigError

T = TypeVar("T")


def check_keys(config: DetectorConfig, known: Iterable[str]) -> None:
    """Refuse options that the detector does not know."""
    names = sorted(known)
    for key in config.options:
        if key not in names:
            raise ConfigError(
                f"guard {config.name!r}: unknown option {key!r}", hint=_near(key, names)
            )


def check_names(
    config: DetectorConfig, key: str, given: Iterable[str], known: Iterable[str]
) -> None:
    """Refuse members of a list option that are not in the closed set `known`."""
    names = sorted(known)
    for name in given:
        if name not in names:
            raise ConfigError(
                f"guard {config.name!r}: {key} has unknown entry {name!r}", hint=_near(name, names)
            )


def option(config: DetectorConfig, key: str, kind: type[T], default: T) -> T:
    """One option of the given type, or its default."""
    value = config.options.get(key, default)
    is_bool_for_number = isinstance(value, bool) and kind is not bool
    if not isinstance(value, kind) or is_bool_for_number:
        raise ConfigError(
            f"guard {config.name!r}: option {key!r} must be {kind.__name__}",
            hint=f"it is a {type(value).__name__}",
        )
    return value


def strings(config: DetectorConfig, key: str) -> tuple[str, ...] | None:
    """A list of strings, or None where the option is not given."""
    if key not in config.options:
        return None
    value = config.options[key]
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise ConfigError(
            f"guard {config.name!r}: option {key!r} must be a list of words",
            hint=f"write {key}: [one, two]",
        )
    return tuple(value)


def _near(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
