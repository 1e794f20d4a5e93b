"""The gate's configuration, `tyrian-gate.yaml`, and the waivers in it or beside it.

version: 1
level: enforce              # or advise: tells, and lets everything pass
fail_at: medium             # findings of less are told, and let pass
exclude: ["demo/**"]        # paths that are not looked at
gateways: ["llm.internal:8080"]
guards: [app.safety.check]  # functions of your own that judge texts
detectors: [my_guard]       # guards of installed packages that stacks may name
keys: [keys/approvals.pub]  # who may sign locks and attestations
baseline: gate-baseline.json
tolerance:
  prompt-injection: {injected: {may_worsen: 0.02}}
waivers:
  - {rule: remote-code, path: "legacy/**", owner: ada@example.com,
     reason: the vendor's model needs it until version 2, expires: 2027-01-31}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from tyrian.core.detection import Severity
from tyrian.core.yaml_source import KeyPath, Plain, Source, read_yaml
from tyrian.errors import FileError
from tyrian.supply.attest.regression import Tolerance
from tyrian.supply.gate.rules import RULES

CONFIG_NAME = "tyrian-gate.yaml"
_MOST_BYTES = 1_000_000
_WORDS = ("exclude", "gateways", "guards", "detectors", "keys")
_KEYS = ("version", "level", "fail_at", *_WORDS, "baseline", "tolerance", "waivers")
_WAIVER = ("rule", "path", "subject", "owner", "reason", "expires")


class Level(StrEnum):
    """What a finding leads to."""

    ENFORCE = "enforce"
    """It refuses."""
    ADVISE = "advise"
    """It is told, and everything passes."""


class GateConfigError(FileError):
    """A configuration of the gate that cannot be used."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Leave to pass with a finding for a while, by whom and why."""

    rule: str
    path: str
    """A pattern of paths; `**` for any number of folders."""
    owner: str
    reason: str
    expires: date
    file: str
    line: int
    subject: str = ""
    """Only findings about this; all where it is left out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration says."""

    level: Level = Level.ENFORCE
    fail_at: Severity = Severity.MEDIUM
    exclude: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    keys: tuple[Path, ...] = ()
    baseline: Path | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    waivers: tuple[Waiver, ...] = ()
    file: str = ""


def read_settings(path: Path, shown: str) -> Settings:
    """A configuration from its file; GateConfigError names the place of a fault."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES).decode("utf-8")
    except OSError as error:
        raise GateConfigError(error.strerror or "cannot be read", file=shown) from None
    except UnicodeDecodeError:
        raise GateConfigError("not UTF-8", file=shown, hint="save it as UTF-8") from None
    source = read_yaml(text, shown, GateConfigError, kind="configuration", start="version: 1")
    return _Reader(source, path.parent).settings()


class _Reader:
    def __init__(self, source: Source[GateConfigError], base: Path) -> None:
        self.source, self.data, self.base = source, source.data, base

    def settings(self) -> Settings:
        self.known(self.data, _KEYS, ())
        if self.data.get("version", 1) != 1:
            raise self.source.error("this Tyrian reads version 1", ("version",))
        words = {key: self.words(key) for key in _WORDS}
        level = self.choice("level", Level.ENFORCE, [one.value for one in Level])
        fail_at = self.choice("fail_at", Severity.MEDIUM, [one.value for one in Severity])
        baseline = self.data.get("baseline")
        return Settings(
            level=Level(level),
            fail_at=Severity(fail_at),
            exclude=words["exclude"],
            gateways=words["gateways"],
            guards=words["guards"],
            detectors=words["detectors"],
            keys=tuple(self.base / one for one in words["keys"]),
            baseline=self.base / self.text(("baseline",), baseline) if baseline else None,
            tolerance=self.tolerance(),
            waivers=tuple(self.waivers()),
            file=self.source.file,
        )

    def known(self, given: Plain, keys: tuple[str, ...], path: KeyPath) -> dict[str, Plain]:
        if not isinstance(given, dict):
            raise self.source.error("this must be a mapping of keys", path)
        for key in given:
            if key not in keys:
                near = get_close_matches(key, keys, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(keys)}"
                raise self.source.error(
                    f"unknown key {key!r}", (*path, key), hint=hint, of_key=True
                )
        return given

    def text(self, path: KeyPath, value: Plain) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.source.error(f"{path[-1]} must be a text", path)
        return value.strip()

    def words(self, key: str) -> tuple[str, ...]:
        rows = self.data.get(key)
        if rows is None:
            return ()
        if not isinstance(rows, list):
            raise self.source.error(f"{key} must be a list", (key,), hint=f"{key}: [...]")
        return tuple(self.text((key, number), one) for number, one in enumerate(rows))

    def choice(self, key: str, default: str, known: list[str]) -> str:
        value = self.data.get(key, default)
        if value not in known:
            raise self.source.error(f"{key} is one of {', '.join(known)}", (key,))
        return str(value)

    def tolerance(self) -> Tolerance:
        given = self.data.get("tolerance")
        if given is None:
            return Tolerance()
        row = self.known(given, ("may_worsen", "only_significant", "measures"), ("tolerance",))
        single = row.get("measures") or {}
        if not isinstance(single, dict):
            raise self.source.error("measures must be a mapping", ("tolerance", "measures"))
        return Tolerance(
            may_worsen=self.share(("tolerance", "may_worsen"), row.get("may_worsen", 0)),
            only_significant=row.get("only_significant", True) is not False,
            measures={
                name: self.share(("tolerance", "measures", name), value)
                for name, value in single.items()
            },
        )

    def share(self, path: KeyPath, value: Plain) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            hint = "0.02 is two points of a rate"
            raise self.source.error(
                "how much a measure may worsen is a number from 0", path, hint=hint
            )
        return float(value)

    def waivers(self) -> Iterator[Waiver]:
        rows = self.data.get("waivers")
        if rows is None:
            return
        if not isinstance(rows, list):
            raise self.source.error("waivers must be a list", ("waivers",))
        for number, given in enumerate(rows):
            yield self.waiver(given, ("waivers", number))

    def waiver(self, given: Plain, path: KeyPath) -> Waiver:
        row = self.known(given, _WAIVER, path)
        for key in ("rule", "path", "owner", "reason", "expires"):
            if not row.get(key):
                hint = "a waiver names rule, path, owner, reason and expires"
                raise self.source.error(f"the waiver has no {key}", path, hint=hint)
        rule = self.text((*path, "rule"), row["rule"])
        if rule not in RULES:
            near = get_close_matches(rule, RULES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "tyrian gate --rules lists them"
            raise self.source.error(f"there is no rule {rule!r}", (*path, "rule"), hint=hint)
        if not RULES[rule].is_waivable:
            raise self.source.error(f"{rule} cannot be waived", (*path, "rule"))
        try:
            expires = date.fromisoformat(str(row["expires"]))
        except ValueError:
            hint = "expires: 2027-01-31"
            raise self.source.error("expires is no date", (*path, "expires"), hint=hint) from None
        place = self.source.place(path)
        return Waiver(
            rule=rule,
            path=self.text((*path, "path"), row["path"]),
            owner=self.text((*path, "owner"), row["owner"]),
            reason=self.text((*path, "reason"), row["reason"]),
            expires=expires,
            file=self.source.file,
            line=place.line,
            subject=str(row.get("subject") or ""),
        )


def with_waivers(settings: Settings, more: Settings) -> Settings:
    """The settings with the waivers of another file beside their own."""
    return replace(settings, waivers=(*settings.waivers, *more.waivers))
