"""Routes: which model serves which request, by model name, key, tier and data found in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING

from tyrian.gateway.routing.attempts import Candidate
from tyrian.gateway.routing.breaker import Circuit

if TYPE_CHECKING:  # the key store brings the database along
    from tyrian.gateway.accounts.record import KeyRecord

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose model name fits `match` (`*` and `?` are wildcards) go to `model`."""

    match: str
    model: str = ""
    """The model; or `split`."""
    split: Mapping[str, int] = field(default_factory=dict)
    """Models by the share that each one serves."""
    fallbacks: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    """Ids of keys, projects and organisations; empty for all."""
    tiers: frozenset[str] = frozenset()
    detected: frozenset[str] = frozenset()
    """Classes of data of which one must have been found in the request; empty for any request."""
    data_class: str = ""
    """Class of all data on this route."""

    @property
    def shares(self) -> Mapping[str, int]:
        """The models that serve it, by their share; without the fallbacks."""
        return {self.model: 1} if self.model else self.split

    @property
    def is_name(self) -> bool:
        """True where `match` is one model name that clients can ask for."""
        return not _WILDCARDS.intersection(self.match)


class Lead:
    """A route with its servers; whose turn it is among them is kept here."""

    def __init__(
        self, route: Route, members: Mapping[Candidate, int], fallbacks: Sequence[Candidate] = ()
    ) -> None:
        self.route = route
        self._pattern = re.compile(translate(route.match))
        self._members = dict(members)
        self._fallbacks = tuple(fallbacks)
        self._credit = dict.fromkeys(self._members, 0)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, in no order of turn."""
        return (*self._members, *self._fallbacks)

    def fits(self, model: str, key: "KeyRecord | None") -> bool:
        """True where requests of this name and key take the route, data aside."""
        route = self.route
        if not self._pattern.match(model):
            return False
        if route.keys and (key is None or route.keys.isdisjoint(_ids(key))):
            return False
        return not route.tiers or (key is not None and key.tier in route.tiers)

    def order(self, data_classes: frozenset[str]) -> list[Candidate]:
        """Those that may serve a request with such data, in the order in which they are tried.

        The first is the one whose turn it is; then the others of the split by share, then the
        fallbacks. A server that is not well comes after all that are.
        """
        admitted = [c for c in self._members if not c.server.fault(data_classes)]
        well = [c for c in admitted if _is_well(c)]
        first = self._turn(well or admitted)
        rest = sorted((c for c in admitted if c is not first), key=lambda c: -self._members[c])
        fallbacks = [c for c in self._fallbacks if not c.server.fault(data_classes)]
        ordered = [*([first] if first else ()), *rest, *fallbacks]
        return sorted(dict.fromkeys(ordered), key=lambda c: not _is_well(c))

    def _turn(self, among: Sequence[Candidate]) -> Candidate | None:
        """Whose turn it is: over any run of requests each one gets its share, evenly spread."""
        if len(among) < 2:
            return among[0] if among else None
        for candidate in among:
            self._credit[candidate] += self._members[candidate]
        chosen = max(among, key=lambda c: self._credit[c])
        self._credit[chosen] -= sum(self._members[c] for c in among)
        return chosen


def _ids(key: "KeyRecord") -> tuple[str, str, str]:
    return key.id, key.project_id, key.organisation_id


def _is_well(candidate: Candidate) -> bool:
    server = candidate.server
    return server.is_healthy and server.breaker.state is not Circuit.OPEN
