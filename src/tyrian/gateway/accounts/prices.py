"""What tokens cost, in whole nano-dollars (10⁻⁹ USD)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fnmatch import translate
from typing import Final

NANOS_PER_USD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars for one token."""

    input_nanos: int
    output_nanos: int

    @classmethod
    def per_million(cls, input_usd: float | Decimal, output_usd: float | Decimal) -> "Price":
        """The price where a million tokens cost so many dollars; rounded up to a nano-dollar."""
        return cls(_nanos_per_token(input_usd), _nanos_per_token(output_usd))

    def of(self, input_tokens: int, output_tokens: int) -> int:
        """Nano-dollars for that many tokens."""
        return self.input_nanos * input_tokens + self.output_nanos * output_tokens


FREE: Final = Price(0, 0)


class PriceList:
    """Prices by the name that clients use; what is not on it costs nothing.

    A route's name costs what the dearest of the models costs that may serve it: which one does is
    known only later, and no request may cost more than was reserved for it.
    """

    def __init__(
        self,
        models: Mapping[str, Price],
        routes: Sequence[tuple[str, Iterable[str]]] = (),
    ) -> None:
        self._models = dict(models)
        self._routes = [
            (re.compile(translate(match)), [models[m] for m in served if m in models])
            for match, served in routes
        ]
        self._found: dict[str, Price] = {}

    def of(self, model: str) -> Price:
        """The price of the model of that name."""
        if not self._models:
            return FREE
        found = self._found.get(model)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[model] = self._look_up(model)
        return found

    def _look_up(self, model: str) -> Price:
        prices = [self._models.get(model, FREE)]
        for pattern, served in self._routes:
            if pattern.match(model):
                prices += served
        return Price(
            max(price.input_nanos for price in prices), max(price.output_nanos for price in prices)
        )


_REMEMBERED: Final = 1_000


def _nanos_per_token(usd_per_million: float | Decimal) -> int:
    # By way of the text: 0.15 is meant, not the binary fraction next to it.
    exact = Decimal(str(usd_per_million)) * NANOS_PER_USD / 1_000_000
    return int(exact.to_integral_value(ROUND_CEILING))


def usd(nanos: int) -> float:
    """Dollars, as the wire shows them."""
    return nanos / NANOS_PER_USD
