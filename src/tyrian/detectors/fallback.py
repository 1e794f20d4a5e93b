"""What happens where a guard asks for weights that are not here."""

from tyrian.core.registry import DetectorConfig
from tyrian.errors import ConfigError, MissingDependencyError

BACKENDS = ("embedded", "torch", "onnx", "remote")
EMBEDDED = "embedded"


def embedded_instead_of(config: DetectorConfig, *, weights: str) -> str:
    """Why the embedded model runs instead; empty where it is the one asked for.

    `weights` names what the guard's name asks for, empty where the name asks for none. Raises
    MissingDependencyError where the stack does not want the embedded model as a fallback.
    """
    backend = config.backend or (EMBEDDED if not (weights or config.model or config.url) else "")
    if backend and backend not in BACKENDS:
        raise ConfigError(
            f"guard {config.name!r}: unknown backend {backend!r}",
            hint=f"known: {', '.join(BACKENDS)}",
        )
    if backend == EMBEDDED and not config.model:
        return ""
    wanted = config.model or weights or f"a model for backend {backend!r}"
    hint = (
        "this release judges with its embedded models alone; it cannot run these weights yet, "
        "even where they are on the disk"
    )
    via = f" through backend {backend!r}" if backend else ""
    if config.fallback != EMBEDDED:
        raise MissingDependencyError(
            f"guard {config.name!r} needs {wanted}{via}, which is not here", hint=hint
        )
    return f"{wanted}{via} is not here, so the embedded model runs; {hint}"
