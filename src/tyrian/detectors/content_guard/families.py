"""The Llama Guard models: their categories, templates and what they take in.

Sources: the model cards of Llama Guard 2, 3 (8B, 1B, 11B-Vision) and 4, and their prompt formats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from tyrian.core.taxonomy import MLCOMMONS

_SHORT = MappingProxyType({"S3": "Sex Crimes", "S4": "Child Exploitation", "S11": "Self-Harm"})
"""Names that the prompts of Llama Guard 3 and 4 shorten."""

_STANDARD = tuple(MLCOMMONS)
_OLD_ORDER = ("S1", "S2", "S3", "S4", "S6", "S7", "S8", "S9", "S10", "S11", "S12")
"""The hazards of Llama Guard 2 in its own order: its S5 is the standard's S6."""


@dataclass(frozen=True, slots=True)
class Family:
    """Llama Guard models that share their prompt."""

    kind: str
    """The guard's registered name."""
    title: str
    template: str
    """File of our own template, for a model that brings none."""
    hazards: tuple[str, ...]
    """The standard's hazards that it was trained on, in the order of its own S1, S2, ..."""
    images: int = 0
    """Images that one prompt can hold."""
    model: str = ""
    """Name on the hub, and the one that servers use."""
    shelf: tuple[str, ...] = ()
    """Names of its weights in the catalogue, the one to prefer first."""

    @property
    def own_codes(self) -> Mapping[str, str]:
        """Its own codes, and the standard's code of each."""
        return {f"S{number}": code for number, code in enumerate(self.hazards, 1)}

    def short_name(self, code: str) -> str:
        """The name of a hazard of the standard as this family's prompt has it."""
        standard = MLCOMMONS[code].name
        return standard if self is LLAMA_GUARD_2 else _SHORT.get(code, standard)

    def read_template(self) -> str:
        """Our own template."""
        folder = files("tyrian.detectors.content_guard").joinpath("data")
        return folder.joinpath(self.template).read_text(encoding="utf-8")


LLAMA_GUARD_2 = Family(
    "llama_guard_2",
    "Llama Guard 2",
    "llama-guard-2.jinja",
    _OLD_ORDER,
    model="meta-llama/Meta-Llama-Guard-2-8B",
    shelf=("llama-guard-2-8b",),
)
LLAMA_GUARD_3 = Family(
    "llama_guard_3",
    "Llama Guard 3",
    "llama-guard-3.jinja",
    _STANDARD,
    model="meta-llama/Llama-Guard-3-8B",
    shelf=("llama-guard-3-8b", "llama-guard-3-1b", "llama-guard-3-11b-vision"),
)
LLAMA_GUARD_3_1B = Family(
    "llama_guard_3",
    "Llama Guard 3 1B",
    "llama-guard-3.jinja",
    _STANDARD[:13],
    model="meta-llama/Llama-Guard-3-1B",
)
LLAMA_GUARD_3_VISION = Family(
    "llama_guard_3",
    "Llama Guard 3 Vision",
    "llama-guard-3-vision.jinja",
    _STANDARD[:13],
    images=1,
    model="meta-llama/Llama-Guard-3-11B-Vision",
)
LLAMA_GUARD_4 = Family(
    "llama_guard_4",
    "Llama Guard 4",
    "llama-guard-4.jinja",
    _STANDARD,
    images=5,
    model="meta-llama/Llama-Guard-4-12B",
    shelf=("llama-guard-4-12b",),
)

BY_KIND: Mapping[str, Family] = MappingProxyType(
    {family.kind: family for family in (LLAMA_GUARD_2, LLAMA_GUARD_3, LLAMA_GUARD_4)}
)
"""The family that a guard's name stands for where nothing more is known."""

_HIDDEN_SIZE_1B = 2048


def family_of_model(architecture: str, hidden_size: int, kind: str, name: str = "") -> Family:
    """The family of a model directory, by its `model_type`, its width, and its guard's name."""
    if architecture == "llama4":
        return LLAMA_GUARD_4
    if architecture == "mllama":
        return LLAMA_GUARD_3_VISION
    named = family_of_name(name)
    if kind == LLAMA_GUARD_2.kind or named is LLAMA_GUARD_2:
        return LLAMA_GUARD_2
    if kind == LLAMA_GUARD_4.kind or named is LLAMA_GUARD_4:
        return LLAMA_GUARD_4
    is_small = named is LLAMA_GUARD_3_1B or hidden_size == _HIDDEN_SIZE_1B
    return LLAMA_GUARD_3_1B if is_small else LLAMA_GUARD_3


def family_of_name(name: str) -> Family | None:
    """The family that a model's name says, such as `llama-guard3:1b`; None where it says none."""
    plain = "".join(c for c in name.lower() if c.isalnum())
    if "guard4" in plain:
        return LLAMA_GUARD_4
    if "guard2" in plain:
        return LLAMA_GUARD_2
    if "guard3" not in plain:
        return None
    if "vision" in plain:
        return LLAMA_GUARD_3_VISION
    return LLAMA_GUARD_3_1B if "guard31b" in plain else LLAMA_GUARD_3
