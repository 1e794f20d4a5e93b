"""Which detectors there are: built-ins in one table, third parties by entry point.

Nothing is imported until a stack names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tyrian.core.detection import Detector, Stage
from tyrian.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

ENTRY_POINT_GROUP = "tyrian.detectors"


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """What a stack says of one guard, as its detector's factory receives it."""

    name: str
    """The name in the stack file, such as `prompt_guard_2`."""
    backend: str = ""
    """`embedded`, `torch`, `onnx`, `remote`; empty leaves the choice to the detector."""
    model: str = ""
    revision: str = ""
    url: str = ""
    fallback: str = "embedded"
    taxonomy: Path | None = None
    timeout_s: float = 2.0
    stages: frozenset[Stage] = frozenset(Stage)
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Keys of the guard that only this detector knows."""


Factory = Callable[[DetectorConfig], Detector]

BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "hidden_text": "tyrian.detectors.hidden_text:create",
        "secrets": "tyrian.detectors.secrets.detector:create",
        "pii": "tyrian.detectors.pii.detector:create",
        "pattern": "tyrian.detectors.pattern:create",
        "exfiltration": "tyrian.detectors.exfiltration.detector:create",
        "alignment": "tyrian.detectors.alignment.detector:create",
        "code_shield": "tyrian.detectors.code_shield.detector:create",
        "image_text": "tyrian.detectors.image.detector:create",
        "prompt_guard": "tyrian.detectors.prompt_guard.detector:create",
        "prompt_guard_1": "tyrian.detectors.prompt_guard.detector:create_prompt_guard_1",
        "prompt_guard_2": "tyrian.detectors.prompt_guard.detector:create_prompt_guard_2",
        "content_guard": "tyrian.detectors.content_guard.detector:create",
        "llama_guard_2": "tyrian.detectors.content_guard.detector:create_llama_guard_2",
        "llama_guard_3": "tyrian.detectors.content_guard.detector:create_llama_guard_3",
        "llama_guard_4": "tyrian.detectors.content_guard.detector:create_llama_guard_4",
    }
)


def _load(target: str) -> Factory:
    module, _, attribute = target.partition(":")
    factory: Factory = getattr(import_module(module), attribute)
    return factory


def _installed() -> "EntryPoints":
    # The module costs more than all else that this one imports, and built-ins never need it.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)


def known_detectors() -> tuple[str, ...]:
    """Names of all detectors, built-in and installed, in order."""
    return tuple(sorted({*BUILTINS, *_installed().names}))


def create_detector(kind: str, config: DetectorConfig) -> Detector:
    """Build the detector registered as `kind`; ConfigError names the nearest known one."""
    if kind in BUILTINS:
        return _load(BUILTINS[kind])(config)
    for point in _installed().select(name=kind):
        factory: Factory = point.load()
        return factory(config)
    from difflib import get_close_matches  # a wrong name alone needs it

    near = get_close_matches(kind, known_detectors(), n=1)
    raise ConfigError(
        f"unknown guard {kind!r}",
        hint=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known_detectors())}",
    )
