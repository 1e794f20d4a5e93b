"""The texts in the arguments of a call, however deep they stand."""

import json
from collections.abc import Iterator, Mapping

from tyrian.policy.taint.memory import NOWHERE, Derived, TaintMemory


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


class Provenance:
    """Where the arguments of one call are from; looked up once for each, when first asked for."""

    __slots__ = ("_found", "_given", "_memory")

    def __init__(self, memory: TaintMemory, *given: Mapping[str, object]) -> None:
        """`given` are the arguments as the model wrote them and in canonical form."""
        self._memory = memory
        self._given = given
        self._found: dict[str, Derived] = {}

    def of(self, argument: str) -> Derived:
        """Where one argument is from."""
        found = self._found.get(argument)
        if found is None:
            values = [v for args in self._given for v in texts_in(args.get(argument))]
            found = self._found[argument] = self._memory.derived(values)
        return found

    def of_any(self, arguments: frozenset[str] = frozenset()) -> Derived:
        """Where any of these arguments is from, of all of them where none is named.

        The names that a call gives its arguments count as well: they are the model's own.
        """
        if arguments:
            named = [self.of(name) for name in arguments]
            return Derived(
                frozenset().union(*(one.sources for one in named)),
                frozenset().union(*(one.labels for one in named)),
            )
        if not (found := self._found.get("")):
            values = [v for args in self._given for v in texts_in(args)]
            found = self._found[""] = self._memory.derived(values)
        return found

    @property
    def labels_seen(self) -> frozenset[str]:
        """Labels of values that the trace has read."""
        return self._memory.labels


class _Nothing(Provenance):
    def __init__(self) -> None:
        super().__init__(TaintMemory())

    def of(self, argument: str) -> Derived:
        return NOWHERE


NO_PROVENANCE = _Nothing()
"""Stands where a policy does not look at where values are from."""
