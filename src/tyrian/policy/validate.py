"""From plain data to a PolicySpec; every fault as a PolicyError at its place, with a hint."""

import json
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from tyrian.core.model_faults import NAME_HELP, in_order, model_faults
from tyrian.core.yaml_source import Source
from tyrian.errors import PolicyError

PolicySource: TypeAlias = Source[PolicyError]

Spec = TypeVar("Spec", bound=BaseModel)

_PATTERN_HELP = {"id": NAME_HELP}


def to_spec(source: PolicySource, model: type[Spec]) -> Spec:
    """The specification in a source; an ExceptionGroup of PolicyErrors where it is faulty."""
    try:
        return model.model_validate_json(json.dumps(source.data), strict=True)
    except ValidationError as error:
        faults = [fault for _, fault in model_faults(source, error, model, _PATTERN_HELP)]
        raise ExceptionGroup("policy", in_order(faults)) from None
