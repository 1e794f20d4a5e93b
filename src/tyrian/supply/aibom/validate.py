"""Whether a document is a valid bill of materials: by the schema, and by what it means."""

from collections.abc import Mapping
from typing import Any

from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.meaning import meaning_faults
from tyrian.supply.aibom.schema import schema_faults, spec_of
from tyrian.supply.aibom.spdx_check import is_spdx, spdx_faults


def faults_of(document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Every fault; in CycloneDX, meanings are read where the schema passes.

    BomError where it is of a format or version that is not read.
    """
    if is_spdx(document):
        return tuple(spdx_faults(document))
    found = tuple(schema_faults(document))
    return found or tuple(sorted(meaning_faults(document), key=lambda one: one.pointer))


def format_of(document: Mapping[str, Any]) -> str:
    """Such as `CycloneDX 1.7`; BomError where it is of none that is read."""
    return "SPDX 3.0.1" if is_spdx(document) else f"CycloneDX {spec_of(document)}"
