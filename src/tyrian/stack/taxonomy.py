"""The hazard categories of a content guard, as a JSON file lists them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tyrian.errors import ConfigError

MAX_BYTES = 1_000_000

EXAMPLE = '{"S1": {"name": "Violent Crimes", "description": "...", "threshold": 0.8}}'


class Category(BaseModel):
    """One hazard category: its name, what falls under it, and from which score it counts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=10_000)
    threshold: float | None = Field(default=None, ge=0, le=1)


Taxonomy = Mapping[str, Category]

_TAXONOMY = TypeAdapter(dict[str, Category])


def read_taxonomy(path: Path) -> Taxonomy:
    """Read a taxonomy file; ConfigError says what is wrong with it."""
    hint = f"write the categories as {EXAMPLE}, or leave out `taxonomy` for S1 to S14"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(
                f"taxonomy {path.name!r} is larger than {MAX_BYTES:,} bytes", hint=hint
            )
        data = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise ConfigError(f"taxonomy file {str(path)!r} is missing", hint=hint) from None
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise ConfigError(f"taxonomy file {str(path)!r}: {reason}", hint=hint) from None
    except (ValueError, RecursionError):
        raise ConfigError(f"taxonomy file {str(path)!r} is not JSON", hint=hint) from None
    return _checked(data, path, hint)


def _checked(data: object, path: Path, hint: str) -> Taxonomy:
    try:
        found = _TAXONOMY.validate_python(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = f"taxonomy file {str(path)!r}: {place}: {first['msg'].lower()}"
        raise ConfigError(message, hint=hint) from None
    if not found:
        raise ConfigError(f"taxonomy file {str(path)!r} lists no category", hint=hint)
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def thresholds(taxonomy: Taxonomy) -> dict[str, float]:
    """The thresholds that the categories bring along."""
    return {
        code: category.threshold
        for code, category in taxonomy.items()
        if category.threshold is not None and math.isfinite(category.threshold)
    }
