"""Hazard categories: MLCommons S1 to S14, and the user's own from a JSON file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tyrian.errors import ConfigError

DEFAULT_THRESHOLD = 0.5
_EXAMPLE = '{"S1": {"name": "Violent Crimes", "description": "...", "threshold": 0.5}}'


@dataclass(frozen=True, slots=True)
class Hazard:
    """One category of unsafe content."""

    code: str
    name: str
    description: str = ""
    threshold: float = DEFAULT_THRESHOLD


Taxonomy = Mapping[str, Hazard]

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
    """The categories of a taxonomy file; the standard ones where there is no file."""
    if path is None:
        return MLCOMMONS
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"taxonomy file {str(path)!r} does not exist",
            hint=f"write one such as {_EXAMPLE}, or leave out `taxonomy` for S1 to S14",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"taxonomy file {str(path)!r} cannot be read as JSON: {error}",
            hint=f"it should look like {_EXAMPLE}",
        ) from error
    if not isinstance(raw, dict) or not raw:
        raise ConfigError(
            f"taxonomy file {str(path)!r} holds no categories",
            hint=f"it should look like {_EXAMPLE}",
        )
    return MappingProxyType({code: _hazard(code, raw[code], path) for code in raw})


def _hazard(code: str, raw: object, path: Path) -> Hazard:
    if not isinstance(raw, dict):
        raise _fault(path, code, "must be an object with name, description and threshold")
    standard = MLCOMMONS.get(code)
    name = raw.get("name", standard.name if standard else code)
    description = raw.get("description", standard.description if standard else "")
    for key, value in (("name", name), ("description", description)):
        if not isinstance(value, str):
            raise _fault(path, f"{code}.{key}", "must be text")
    return Hazard(code, name, description, _threshold(code, raw, path))


def _threshold(code: str, raw: Mapping[str, object], path: Path) -> float:
    value = raw.get("threshold")
    if value is None:
        return DEFAULT_THRESHOLD
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _fault(path, f"{code}.threshold", "must be a number from 0 to 1")
    return float(value)


def _fault(path: Path, key: str, what: str) -> ConfigError:
    return ConfigError(
        f"taxonomy file {str(path)!r}: {key!r} {what}", hint=f"it should look like {_EXAMPLE}"
    )
