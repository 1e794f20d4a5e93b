"""Whether a document is a valid bill of materials: by the schema, and by what it means."""

from collections.abc import Mapping
from typing import Any

from tyrian.supply.aibom.fault import Fault
from tyrian.supply.aibom.meaning import meaning_faults
from tyrian.supply.aibom.schema import schema_faults


def faults_of(document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Every fault, in the order of their places; meanings are read where the schema passes.

    BomError where it is of a format or version that is not read.
    """
    found = tuple(schema_faults(document))
    return found or tuple(sorted(meaning_faults(document), key=lambda one: one.pointer))
