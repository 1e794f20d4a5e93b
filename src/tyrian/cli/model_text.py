"""What `tyrian model` reads, and how it shows catalogue, plans and model directories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tyrian.cli.sizes import in_words
from tyrian.errors import ConfigError
from tyrian.models.hub.catalogue import ENTRIES, Entry
from tyrian.models.hub.shelf import ModelDir, lock_or_none

if TYPE_CHECKING:
    from tyrian.models.hub.pull import Plan

_SHORT = 12
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One model: what the catalogue says of it, and the directories that are here."""

    name: str
    entry: Entry | None
    here: tuple[ModelDir, ...]

    def cells(self) -> tuple[str, ...]:
        """The row as text: name, here, guard, licence, what it gives."""
        revisions = ", ".join(one.revision[:_SHORT] for one in self.here) or "-"
        if self.entry is None:
            return self.name, revisions, "-", self.here[0].licence or "-", "not in the catalogue"
        entry = self.entry
        return self.name, revisions, entry.guard, entry.licence.name, entry.gives

    def as_json(self) -> dict[str, object]:
        """The row as JSON shows it."""
        told: dict[str, object] = {"name": self.name, "here": [plain(one) for one in self.here]}
        if entry := self.entry:
            told |= {
                "repository": entry.repository,
                "title": entry.title,
                "architecture": entry.architecture,
                "guard": entry.guard,
                "gives": entry.gives,
                "licence": entry.licence.name,
                "licence_url": entry.licence.url,
                "is_gated": entry.is_gated,
                "revision": entry.pin,
                "get": entry.hint,
            }
        return told


def table(here: Sequence[ModelDir]) -> list[Row]:
    """The catalogue in its order, then whatever else is here."""
    rows = [
        Row(entry.name, entry, tuple(one for one in here if one.name == entry.name))
        for entry in ENTRIES
    ]
    named = {entry.name for entry in ENTRIES}
    others = dict.fromkeys(one.name for one in here if one.name not in named)
    return rows + [
        Row(name, None, tuple(one for one in here if one.name == name)) for name in others
    ]


def plain(model: ModelDir) -> dict[str, object]:
    """A model directory as JSON shows it."""
    told: dict[str, object] = {
        "name": model.name,
        "path": str(model.path),
        "revision": model.revision,
        "digest": model.digest,
        "licence": model.licence,
    }
    if lock := lock_or_none(model.path):
        told |= {
            "repository": lock.repository,
            "requested": lock.requested,
            "endpoint": lock.endpoint,
            "accepted_at": lock.accepted_at,
            "pulled_at": lock.pulled_at,
            "size": sum(file.size for file in lock.files),
        }
    return told


def plan_as_json(plan: "Plan") -> dict[str, object]:
    """A plan as JSON shows it; sizes are bytes."""
    return {
        "name": plan.entry.name,
        "repository": plan.entry.repository,
        "endpoint": plan.endpoint.url,
        "revision": plan.commit,
        "requested": plan.requested,
        "licence": plan.licence.name,
        "licence_url": plan.licence.url,
        "is_gated": plan.is_gated,
        "has_pickle": plan.has_pickle,
        "path": str(plan.target),
        "size": plan.size,
        "files": [
            {"path": file.path, "size": file.size, "digest": file.digest} for file in plan.files
        ],
        "left_out": list(plan.left_out),
    }


def plan_lines(plan: "Plan") -> list[str]:
    """A plan for people: what comes, from where, under which terms."""
    return [
        f"{plan.entry.title} ({plan.entry.repository})",
        *(f"  {line}" for line in _facts(plan)),
    ]


def _facts(plan: "Plan") -> Iterator[str]:
    yield f"from      {plan.endpoint.url}"
    yield f"revision  {plan.commit}" + (
        f" (now {plan.requested})" if plan.requested != plan.commit else ""
    )
    yield f"licence   {plan.licence.name}, {plan.licence.url}"
    if plan.is_gated:
        yield f"gated     accept the terms at {plan.endpoint.page_of(plan.entry.repository)}"
    if plan.has_pickle:
        yield "pickle    these weights can run code when they are read"
    yield f"files     {len(plan.files)}, {in_words(plan.size)}"
    if left := plan.left_out:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        yield f"left out  {', '.join(left[:_SHOWN])}{more}"
    yield f"to        {plan.target}"


class _Row(msgspec.Struct):
    text: str


def read_texts(file: Path) -> list[str]:
    """The texts of a file of JSON lines with a `text` each; ConfigError where a line has none."""
    texts: list[str] = []
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    texts.append(_text(file, number, line))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    return texts


def _text(file: Path, number: int, line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Row).text
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(
            f"{file}:{number}: no JSON object with a `text`", hint='write {"text": "..."}'
        ) from None
