"""Where values are from, as far as it is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Derived:
    """Where the values of an argument are from."""

    sources: frozenset[str] = frozenset()
    """Untrusted sources that they quote."""
    labels: frozenset[str] = frozenset()
    """Labels of the values that they hold."""

    def __or__(self, other: "Derived") -> "Derived":
        return Derived(self.sources | other.sources, self.labels | other.labels)


NOWHERE = Derived()
