"""What a snapshot and a setup may hold, checked field by field, and how long each may be."""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from tyrian.errors import InputError
from tyrian.gateway.wire import Json

Name = Annotated[str, Meta(max_length=256)]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=200_000)]
Short = Annotated[str, Meta(max_length=2_000)]
Count = Annotated[int, Meta(ge=0, le=1 << 40)]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Score = Annotated[float, Meta(ge=0, le=1)]
EffectName = Literal["allow", "flag", "redact", "review", "block"]

MAX_COLUMNS = 6

T = TypeVar("T")


class Chip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one guard said of a message."""

    guard: Name
    effect: EffectName
    label: Name = ""
    name: Name = ""
    score: Score | None = None
    threshold: Score | None = None
    status: Literal["ok", "error", "timeout", "skipped"] = "ok"


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message as its readers had it."""

    role: Literal["user", "assistant", "tool"]
    text: Text
    effect: EffectName | None = None
    why: Annotated[list[Short], Meta(max_length=50)] = []
    guards: Annotated[list[Chip], Meta(max_length=64)] = []
    images: Annotated[int, Meta(ge=0, le=100)] = 0
    """How many there were; they are not shared."""


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer took."""

    first_ms: Amount | None = None
    total_ms: Amount | None = None
    per_second: Amount | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: Amount | None = None


class SharedColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model's side of the comparison."""

    model: Name
    system: Text = ""
    settings: Annotated[dict[Name, Short], Meta(max_length=40)] = {}
    turns: Annotated[list[Turn], Meta(max_length=200)] = []
    figures: Figures = Figures()


class SharedConversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All columns."""

    columns: Annotated[list[SharedColumn], Meta(min_length=1, max_length=MAX_COLUMNS)]

    def texts(self) -> Iterator[str]:
        """Everything that people or models wrote."""
        for column in self.columns:
            yield column.system
            for turn in column.turns:
                yield turn.text


class SavedColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one column."""

    model: Name = ""
    system: Text = ""
    params: Annotated[dict[Name, float | int | Short | None], Meta(max_length=40)] = {}
    tools: Text = ""
    schema: Text = ""


class SavedSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes back when a setup is opened."""

    columns: Annotated[list[SavedColumn], Meta(min_length=1, max_length=MAX_COLUMNS)]
    prompt: Text = ""

    def texts(self) -> Iterator[str]:
        """Everything that people wrote."""
        yield self.prompt
        for column in self.columns:
            yield column.system


def read_conversation(value: object) -> SharedConversation:
    """The conversation in `value`; InputError with the place of the fault, never its text."""
    return _read(value, SharedConversation)


def read_setup(value: object) -> SavedSetup:
    """The setup in `value`; InputError likewise."""
    return _read(value, SavedSetup)


def as_json(value: SharedConversation | SavedSetup) -> Json:
    """As the store keeps it."""
    plain: Json = msgspec.to_builtins(value)
    return plain


def _read(value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        # The library quotes unknown fields and values of enums; only the place is told.
        place = str(error).rpartition(" - at `$")[2].rstrip("`").lstrip(".")
        raise InputError(
            f"the content does not have the expected form{f' at {place}' if place else ''}",
            hint="send what the playground sends",
        ) from None
