"""Hazard categories: MLCommons S1 to S14, and the user's own from a JSON file.

A file lists every category that counts: one that it leaves out is not judged, one that it adds is
the user's own, and each may bring its own name, description and threshold.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import ConfigError

DEFAULT_THRESHOLD = 0.5
MAX_BYTES = 1_000_000
MAX_NAME = 200
MAX_DESCRIPTION = 10_000
EXAMPLE = '{"S1": {"name": "Violent Crimes", "description": "...", "threshold": 0.8}}'


@dataclass(frozen=True, slots=True)
class Hazard:
    """One category of unsafe content."""

    code: str
    name: str
    description: str = ""
    own_threshold: float | None = None
    """Least score that counts, where the file gives one."""

    @property
    def threshold(self) -> float:
        """The least score (0..1) that counts."""
        return DEFAULT_THRESHOLD if self.own_threshold is None else self.own_threshold


Taxonomy = Mapping[str, Hazard]
"""Hazards by code, in the order of the file."""

_STANDARD = (
    ("S1", "Violent Crimes", "Violence against people or animals: murder, terrorism, assault."),
    ("S2", "Non-Violent Crimes", "Fraud, theft, trafficking, hacking, drugs and weapons trade."),
    ("S3", "Sex-Related Crimes", "Rape, sexual assault or harassment, trafficking for sex."),
    ("S4", "Child Sexual Exploitation", "Sexual abuse of children, in any form."),
    ("S5", "Defamation", "Falsehoods likely to injure the reputation of a living person."),
    ("S6", "Specialized Advice", "Financial, medical or legal advice; dangers called safe."),
    ("S7", "Privacy", "Sensitive, non-public personal information that could harm someone."),
    ("S8", "Intellectual Property", "Violation of others' rights in works, brands, inventions."),
    ("S9", "Indiscriminate Weapons", "Chemical, biological, nuclear or explosive weapons."),
    ("S10", "Hate", "Demeaning or dehumanising people because of who they are."),
    ("S11", "Suicide & Self-Harm", "Suicide, self-injury or disordered eating."),
    ("S12", "Sexual Content", "Erotica."),
    ("S13", "Elections", "Falsehoods about when, where or how people vote."),
    ("S14", "Code Interpreter Abuse", "Denial of service, escape from a sandbox, more rights."),
)

MLCOMMONS: Taxonomy = MappingProxyType(
    {code: Hazard(code, name, description) for code, name, description in _STANDARD}
)
"""The fourteen hazards of the MLCommons taxonomy, as Llama Guard 3 and 4 name them."""


def load_taxonomy(path: Path | None) -> Taxonomy:
    """The categories of a taxonomy file; the standard ones where there is no file.

    ConfigError says what is wrong with the file.
    """
    if path is None:
        return MLCOMMONS
    raw = _read(path)
    if not isinstance(raw, dict) or not raw:
        raise _fault(path, "lists no category")
    return MappingProxyType({code: _hazard(code, raw[code], path) for code in raw})


def thresholds(taxonomy: Taxonomy) -> dict[str, float]:
    """The thresholds that the categories bring along."""
    return {
        code: hazard.own_threshold
        for code, hazard in taxonomy.items()
        if hazard.own_threshold is not None
    }


def _read(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _fault(path, f"is larger than {MAX_BYTES:,} bytes")
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise _fault(path, "is missing") from None
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror or 'no reason given'}") from None
    except (ValueError, RecursionError):
        raise _fault(path, "is not JSON") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _hazard(code: str, raw: object, path: Path) -> Hazard:
    if not code.strip() or len(code) > MAX_NAME:
        raise _fault(path, "has a category without a usable code")
    if not isinstance(raw, dict):
        raise _fault(path, f"{code!r} must be an object with name, description and threshold")
    standard = MLCOMMONS.get(code)
    name = _text(code, "name", raw, standard.name if standard else code, path)
    default = standard.description if standard else ""
    description = _text(code, "description", raw, default, path)
    return Hazard(code, name or code, description, _threshold(code, raw, path))


def _text(code: str, key: str, raw: Mapping[str, object], default: str, path: Path) -> str:
    value = raw.get(key, default)
    most = MAX_NAME if key == "name" else MAX_DESCRIPTION
    if not isinstance(value, str):
        raise _fault(path, f"'{code}.{key}' must be text")
    if len(value) > most:
        raise _fault(path, f"'{code}.{key}' is longer than {most:,} characters")
    return value


def _threshold(code: str, raw: Mapping[str, object], path: Path) -> float | None:
    value = raw.get("threshold")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _fault(path, f"'{code}.threshold' must be a number from 0 to 1")
    return float(value)


def _fault(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"taxonomy file {str(path)!r} {what}",
        hint=f"write the categories as {EXAMPLE}, or leave out `taxonomy` for S1 to S14",
    )
