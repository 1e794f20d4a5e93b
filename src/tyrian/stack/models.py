"""The sections of models and routes: where a request may go, and what it costs there."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tyrian.stack.part import EnvName, HttpUrl, NonEmpty, Part, Words


class CircuitSpec(Part):
    """When a model server that keeps failing is left alone."""

    failures: Annotated[int, Field(ge=0, le=1_000)] = 5
    """Failures in a row after which it is not asked for a while; 0 always asks."""
    open_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds until one request may try it again; doubled each time that fails, up to 120."""


class HealthSpec(Part):
    """A GET that tells whether a model server is well."""

    path: Annotated[str, Field(pattern=r"^/[^\s]*$", max_length=500)] = "/health"
    """Path from the root of the server, not from `/v1`."""
    every_s: Annotated[float, Field(ge=0.05, le=3600)] = 10.0
    """Seconds between two checks."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """Seconds that an answer may take."""
    unhealthy_after: Annotated[int, Field(ge=1, le=100)] = 2
    """Failed checks in a row after which others are asked first; one good check mends it."""


class PriceSpec(Part):
    """What a model's tokens cost; budgets count it, and people see it."""

    input_usd: Annotated[float, Field(ge=0, le=100_000)]
    """US dollars for a million tokens that it reads."""
    output_usd: Annotated[float, Field(ge=0, le=100_000)]
    """US dollars for a million tokens that it writes."""


class ModelSpec(Part):
    """An upstream model server that speaks the OpenAI dialect."""

    base_url: HttpUrl
    """Its address up to and with `/v1`."""
    api_key_env: EnvName | Literal[""] = ""
    """Name of the environment variable that holds its key; the key itself never stands here."""
    model: str = ""
    """The model's name at the upstream; the name in this file where it is left out."""
    modalities: tuple[Literal["text", "image"], ...] = ("text",)
    """What it reads."""
    context_length: Annotated[int, Field(gt=0)] | None = None
    """Tokens it reads at most."""
    licence: str = ""
    """The licence of its weights, for the bill of materials."""
    revision: str = ""
    """Pinned revision of the weights."""
    tier: Literal["public", "developer", "partner", "operator"] = "public"
    """The least tier whose keys may use it."""
    price: PriceSpec | None = None
    """What its tokens cost; budgets take a model without a price for free."""
    data_classes: Words = ()
    """Classes of data that may go there; empty puts no limit."""
    hosted: bool | None = None
    """Somebody else's server, to which no personal data and no secret goes; left out, its address
    decides: all but this machine and private networks is hosted."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    """Seconds until a connection must stand."""
    first_byte_timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds until an answer must begin; `timeout_s` where it is left out."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Seconds an answer may take."""
    circuit: CircuitSpec = CircuitSpec()
    """When the server is left alone because it keeps failing."""
    health: HealthSpec | None = None
    """A check that runs beside the requests; none where it is left out."""


class RouteSpec(Part):
    """Which model serves which request; the first route that fits decides."""

    match: NonEmpty = "*"
    """The model name that clients ask for; `*` and `?` are wildcards."""
    keys: Words = ()
    """Only requests with these keys or projects, by their ids; all where it is left out."""
    tiers: Words = ()
    """Only requests of keys of these tiers, such as `developer`; all where it is left out."""
    detected: tuple[Literal["pii", "secret"], ...] = ()
    """Only requests in which the `pii` or `secrets` detector found something of these classes."""
    model: NonEmpty | None = None
    """The entry of `models` that serves it."""
    split: dict[NonEmpty, Annotated[int, Field(ge=1, le=1_000)]] | None = None
    """In place of `model`: several entries of `models` by the share that each one serves."""
    fallbacks: Words = ()
    """Entries of `models` that are tried in this order where no answer begins."""
    data_class: str = ""
    """Class of the data on this route; the model's `data_classes` must list it."""

    @property
    def targets(self) -> Mapping[str, int]:
        """The models that serve it, by their share; without the fallbacks."""
        if self.model is not None:
            return {self.model: 1}
        return self.split or {}
