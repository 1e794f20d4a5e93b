"""The model servers of a stack as parts."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from tyrian.stack.hosted import is_hosted
from tyrian.stack.schema import Stack
from tyrian.supply.aibom.parts import ServicePart


def services_of(stack: Stack) -> Iterator[ServicePart]:
    """Each model of the stack, at its server; keys never stand in a stack, and none here."""
    for name, spec in sorted(stack.models.items()):
        yield ServicePart(
            name=name,
            endpoint=plain_address(str(spec.base_url)),
            model=spec.model or name,
            revision=spec.revision,
            licence=spec.licence,
            is_hosted=is_hosted(str(spec.base_url)) if spec.hosted is None else spec.hosted,
            has_key=bool(spec.api_key_env),
            data_classes=tuple(spec.data_classes),
        )


def plain_address(url: str) -> str:
    """An address without user, password and query, where keys are sometimes put."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
