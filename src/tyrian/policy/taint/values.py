"""The texts in the arguments of a call, however deep they stand."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tyrian.policy.taint.derived import NOWHERE, Derived

if TYPE_CHECKING:
    from tyrian.policy.taint.memory import TaintMemory


def texts_in(value: object) -> Iterator[str]:
    """Every text and number in a JSON value, keys of objects too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def texts_in_json(text: str) -> list[str]:
    """The same of JSON text; the whole text where it is none."""
    try:
        return list(texts_in(json.loads(text)))
    except (ValueError, RecursionError):
        return [text]


_NO_ARGUMENTS: Mapping[str, object] = {}


class Provenance:
    """Where the arguments of one call are from; looked up once for each, when first asked for."""

    __slots__ = ("_canonical", "_found", "_given", "_memory", "_names")

    def __init__(
        self,
        memory: "TaintMemory | None",
        given: Mapping[str, object] = _NO_ARGUMENTS,
        canonical: Mapping[str, object] = _NO_ARGUMENTS,
        names: Iterable[str] = (),
    ) -> None:
        """`given` are the arguments as the model wrote them: what is quoted may be in either.

        `names` are those of arguments that the model made up itself; `memory` is None where
        nothing was read.
        """
        self._names = tuple(names)
        self._memory = memory
        self._given = given
        self._canonical = canonical
        self._found: dict[str, Derived] = {}

    def of(self, argument: str) -> Derived:
        """Where one argument is from."""
        found = self._found.get(argument)
        if found is None:
            found = self._found[argument] = self._derived(self._values(argument))
        return found

    def _values(self, argument: str) -> list[str]:
        given, canonical = self._given.get(argument), self._canonical.get(argument)
        found = [given] if type(given) is str else list(texts_in(given))
        if canonical is not given and canonical != given:
            found += texts_in(canonical)
        return found

    def of_any(self, arguments: frozenset[str] = frozenset()) -> Derived:
        """Where any of these arguments is from, of all of them where none is named.

        Names that the model gave to arguments of its own count as well.
        """
        if arguments:
            named = [self.of(name) for name in arguments]
            return Derived(
                frozenset().union(*(one.sources for one in named)),
                frozenset().union(*(one.labels for one in named)),
            )
        if not (found := self._found.get("")):
            values = [v for name in self._given for v in self._values(name)]
            found = self._found[""] = self._derived([*values, *self._names])
        return found

    @property
    def labels_seen(self) -> frozenset[str]:
        """Labels of values that the trace has read."""
        return frozenset() if self._memory is None else self._memory.labels

    def _derived(self, values: Iterable[str]) -> Derived:
        return NOWHERE if self._memory is None else self._memory.derived(values)


class _Nothing(Provenance):
    """Shared by all calls, so that it remembers none of their arguments."""

    def __init__(self) -> None:
        super().__init__(None)

    def of(self, argument: str) -> Derived:
        return NOWHERE


NO_PROVENANCE = _Nothing()
"""Stands where a policy does not look at where values are from."""
