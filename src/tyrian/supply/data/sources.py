"""Where rows are from and under which licence, and which of that is allowed."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import yaml

from tyrian.errors import ConfigError
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.data.finding import DataFinding

_SOURCE_FIELDS = ("source", "origin", "url", "dataset")
_LICENCE_FIELDS = ("licence", "license")
_INSIDE = ("", "meta", "metadata")
_HINT = "sources: [{name: ..., licence: ..., files: [...]}]; see docs/reference/data.md"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One allowed source; a row is of it if its field, or else its file, fits."""

    name: str
    licence: str
    files: tuple[str, ...] = ()
    """Patterns of file names, as reports have them."""
    values: tuple[str, ...] = ()
    """Patterns of what the row's field says, where that is no address."""
    hosts: tuple[str, ...] = ()
    """Hosts of addresses in the row's field: `docs.example.com`, or `*.example.com`."""
    sha256: dict[str, str] = {}
    """Digest by file name, in hexadecimal: those files must be exactly the approved ones."""


class SourceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sources that are allowed; without any source, everything is."""

    version: int = 1
    sources: tuple[Source, ...] = ()
    licences: tuple[str, ...] = ()
    """Licences that rows may have, where they name one themselves; none named allows all."""
    field: str = ""
    """The field that names a row's source; by default the first there is of source, origin, url,
    dataset, also inside of `meta` and `metadata`."""

    def of(self, file: str, value: Mapping[str, object]) -> "Origin":
        """Source and licence of a row; the source's name is empty where it is not allowed."""
        told = self._told(value)
        licence = _first(value, _LICENCE_FIELDS)
        if not self.sources:
            return Origin(told or file, licence, "")
        for one in self.sources:
            if _fits(one, told) if told else _has_file(one, file):
                return Origin(one.name, licence or one.licence, "")
        what = f"the source {told[:120]!r}" if told else f"the file {file!r}"
        return Origin(told or file, licence, f"{what} fits no source of the list")

    def faults(self, file: str, row: int, value: Mapping[str, object]) -> list[DataFinding]:
        """What the list has against a row."""
        origin = self.of(file, value)
        found = []
        if origin.fault:
            rule = "source-not-allowed"
            found.append(DataFinding(rule=rule, file=file, row=row, why=origin.fault))
        elif self.licences and origin.licence not in self.licences:
            why = f"its licence is {origin.licence[:80]!r}" if origin.licence else "it has none"
            rule = "licence-not-allowed"
            found.append(DataFinding(rule=rule, file=file, row=row, why=why))
        return found

    def pinned(self, file: str) -> str:
        """The digest that a file must have, or nothing."""
        return next((one.sha256[file] for one in self.sources if file in one.sha256), "")

    def _told(self, value: Mapping[str, object]) -> str:
        if self.field:
            return _text(_at(value, self.field))
        return _first(value, _SOURCE_FIELDS)


class Origin(msgspec.Struct, frozen=True):
    """Where a row is from."""

    source: str
    licence: str
    fault: str
    """Why it is not allowed; empty where it is."""


def read_sources(path: Path) -> SourceList:
    """The list in a YAML file; ConfigError names what is wrong with it."""
    try:
        told = yaml.safe_load(read_bytes(path))
        found = msgspec.convert(told, SourceList, strict=True)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())[:200]}", hint=_HINT) from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}", hint=_HINT) from None
    if found.version != 1:
        raise ConfigError(f"{path} has version {found.version}, not 1", hint=_HINT)
    if not found.sources:
        raise ConfigError(f"{path} allows no source", hint=_HINT)
    for one in found.sources:
        if not (one.files or one.values or one.hosts):
            raise ConfigError(f"{path}: the source {one.name!r} fits no row", hint=_HINT)
    return found


def _fits(one: Source, told: str) -> bool:
    if "://" not in told:
        return any(fnmatchcase(told, pattern) for pattern in one.values)
    try:
        parts = urlsplit(told)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or "\\" in told:
        return False
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
        for pattern in (pattern.lower() for pattern in one.hosts)
    )


def _has_file(one: Source, file: str) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in one.files)


def _first(value: Mapping[str, object], names: tuple[str, ...]) -> str:
    for inside in _INSIDE:
        table = value.get(inside) if inside else value
        if isinstance(table, dict):
            for name in names:
                if told := _text(table.get(name)):
                    return told
    return ""


def _at(value: object, path: str) -> object:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
