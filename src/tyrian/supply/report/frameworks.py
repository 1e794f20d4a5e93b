"""What frameworks ask, as data, and which evidence on a candidate speaks to each row."""

from functools import cache
from importlib.resources import files

import msgspec
import yaml

from tyrian.supply.report.evidence import Dossier, Evidence, Stand


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a framework asks."""

    id: str
    asks: str
    kinds: tuple[str, ...] = ()
    """Kinds of evidence that speak to it; without any, only a document of one's own does."""


class Framework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One framework."""

    id: str
    title: str
    reference: str
    rows: tuple[Row, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one candidate has to say to one row."""

    candidate: str
    stand: Stand | None
    """None: no evidence was given."""
    evidence: tuple[int, ...] = ()
    """Numbers of the pieces in the candidate's dossier, from 0."""


_WEIGHT = (Stand.AGAINST, Stand.FOR, Stand.MEASURED, Stand.OPEN)
"""Which stand a row has where its pieces differ: the first that is among them."""


@cache
def frameworks() -> tuple[Framework, ...]:
    """All frameworks that are known."""
    text = (files("tyrian.supply.report") / "frameworks.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), tuple[Framework, ...])


def row_ids() -> frozenset[str]:
    """The ids of all rows, which documents are given by."""
    return frozenset(row.id for one in frameworks() for row in one.rows)


def answer(row: Row, dossier: Dossier) -> Answer:
    """The evidence of a candidate on a row; one piece that speaks against outweighs all others."""
    kinds = (*row.kinds, f"document:{row.id}")
    numbers = tuple(
        number
        for number, one in enumerate(dossier.evidence)
        if any(one.is_of(kind) for kind in kinds)
    )
    pieces = [dossier.evidence[number] for number in numbers]
    return Answer(candidate=dossier.name, stand=_stand(pieces), evidence=numbers)


def _stand(pieces: list[Evidence]) -> Stand | None:
    stands = {one.stand for one in pieces}
    return next((one for one in _WEIGHT if one in stands), None)
