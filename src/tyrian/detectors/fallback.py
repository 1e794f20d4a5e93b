"""What happens where a guard asks for weights, or for a package, that are not here."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from tyrian.core.registry import DetectorConfig
from tyrian.errors import ConfigError, MissingDependencyError

BACKENDS = ("embedded", "torch", "onnx", "remote")
EMBEDDED, TORCH, ONNX, REMOTE = BACKENDS


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a guard needs and that is not here."""

    what: str
    """Such as `the weights of Prompt Guard 2` or `the package torch`."""
    get: str
    """The command that gets it, or what to write into the stack file."""


def missing_packages(extra: str, packages: Iterable[str]) -> list[Missing]:
    """The packages of an extra that cannot be imported; nothing is imported to find out."""
    absent = [name for name in packages if find_spec(name) is None]
    if not absent:
        return []
    noun = "package" if len(absent) == 1 else "packages"
    return [Missing(f"the {noun} {', '.join(absent)}", f"pip install 'tyrian[{extra}]'")]


def missing_weights(config: DetectorConfig, title: str, name: str) -> Missing:
    """The weights that a guard asks for: `model` of the stack, or those that its name stands for.

    `title` is for people (`Prompt Guard 2`), `name` what `tyrian model pull` knows; both may be
    empty where the guard's name asks for no model in particular.
    """
    if config.model:
        pull = f"tyrian model pull {name or 'NAME'}"
        return Missing(f"the weights {config.model!r}", f"{pull}, or check `model` in the stack")
    if not name:
        return Missing("the name of a model", "write `model: DIRECTORY` or `model: NAME`")
    return Missing(f"the weights of {title}", f"tyrian model pull {name}")


def check_backend(config: DetectorConfig) -> None:
    """ConfigError for a backend that nobody knows."""
    if config.backend and config.backend not in BACKENDS:
        raise ConfigError(
            f"guard {config.name!r}: unknown backend {config.backend!r}",
            hint=f"known: {', '.join(BACKENDS)}",
        )


def wants_embedded(config: DetectorConfig, *, title: str) -> bool:
    """True where the embedded model is the one asked for, so that nothing is missing."""
    check_backend(config)
    if config.backend:
        return config.backend == EMBEDDED
    return not (title or config.model or config.url)


def run_embedded_instead(config: DetectorConfig, missing: Iterable[Missing]) -> str:
    """Say why the embedded model runs; the sentence is for `DetectorInfo.fallback`.

    Raises MissingDependencyError where the stack does not want the embedded model as a fallback.
    """
    lacks = list(missing)
    what = " and ".join(lack.what for lack in lacks)
    get = "; ".join(lack.get for lack in lacks)
    via = f" for backend {config.backend!r}" if config.backend else ""
    verb = "are" if len(lacks) > 1 or what.split()[1:2] in (["weights"], ["packages"]) else "is"
    absent = f"{what}{via} {verb} not here"
    if config.fallback != EMBEDDED:
        raise MissingDependencyError(f"guard {config.name!r}: {absent}", hint=f"get it: {get}")
    return f"{absent}, so the embedded model runs (get it: {get})"
