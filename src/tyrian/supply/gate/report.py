"""What came of a gate: findings, what was waived, what was looked at, and whether it may pass."""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from tyrian.supply.gate.finding import Counts, GateFinding, Place, found
from tyrian.supply.gate.paths import is_matched
from tyrian.supply.gate.rules import NOT_EXAMINED, SEVERITIES
from tyrian.supply.gate.settings import Level, Settings, Waiver


class Verdict(StrEnum):
    """How a gate ends."""

    PASS = "pass"  # noqa: S105  a word, not a secret
    REFUSE = "refuse"
    NOT_EXAMINED = "not-examined"
    """Nothing speaks against it, and something could not be read."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """The whole outcome; the same for the same files, wherever and whenever it is made."""

    level: Level
    verdict: Verdict
    findings: tuple[GateFinding, ...]
    waived: tuple[tuple[GateFinding, Waiver], ...]
    counts: Counts
    unused: tuple[Waiver, ...] = ()
    """Waivers that nothing needs any more."""

    @property
    def refusing(self) -> tuple[GateFinding, ...]:
        """The findings without those that only say what was not read."""
        return tuple(one for one in self.findings if one.rule != NOT_EXAMINED)

    @property
    def unexamined(self) -> tuple[GateFinding, ...]:
        """What was not read."""
        return tuple(one for one in self.findings if one.rule == NOT_EXAMINED)

    def plain(self) -> dict[str, object]:
        """The report as JSON shows it."""
        counts = self.counts
        told: dict[str, object] = {
            "verdict": str(self.verdict),
            "level": str(self.level),
            "findings": [_plain(one) for one in self.findings],
            "waived": [
                {
                    **_plain(one),
                    "owner": waiver.owner,
                    "waiver": waiver.reason,
                    "expires": waiver.expires.isoformat(),
                }
                for one, waiver in self.waived
            ],
            "examined": {
                "files": counts.files,
                "stacks": counts.stacks,
                "agents": counts.agents,
                "mcp_servers": counts.servers,
                "containers": counts.containers,
                "models": counts.models,
            },
        }
        digest = hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()
        return {**told, "digest": f"sha256:{digest}"}


def _plain(one: GateFinding) -> dict[str, object]:
    rule = one.known
    return {
        "rule": rule.id,
        "severity": str(rule.severity),
        "path": one.path,
        "line": one.line,
        "subject": one.subject,
        "message": rule.title,
        "why": one.why,
        "reason": rule.reason,
        "fix": rule.fix,
        "reference": rule.reference,
        "owasp": list(rule.owasp),
        "atlas": list(rule.atlas),
    }


def concluded(
    findings: list[GateFinding], counts: Counts, settings: Settings, today: date
) -> GateReport:
    """The report over all findings: waivers taken into account, and the verdict."""
    kept: list[GateFinding] = []
    waived: list[tuple[GateFinding, Waiver]] = []
    used: set[int] = set()
    for one in _distinct(findings):
        fitting = [number for number, waiver in enumerate(settings.waivers) if _fits(waiver, one)]
        used |= set(fitting)
        valid = [number for number in fitting if settings.waivers[number].expires >= today]
        if valid:
            waived.append((one, settings.waivers[valid[0]]))
        else:
            kept.append(one)
    for waiver in settings.waivers:
        if waiver.expires < today:
            of = f"{waiver.owner}'s waiver of {waiver.rule} for {waiver.path}"
            why = f"{of} ended on {waiver.expires}"
            place = Place(waiver.file, waiver.line)
            kept.append(found(place, "waiver-expired", waiver.rule, why))
    kept.sort(key=_order)
    unused = tuple(
        waiver
        for number, waiver in enumerate(settings.waivers)
        if number not in used and waiver.expires >= today
    )
    verdict = _verdict(kept, settings)
    return GateReport(settings.level, verdict, tuple(kept), tuple(waived), counts, unused)


def _order(one: GateFinding) -> tuple[int, str, int, str, str]:
    """The worst first, then by place."""
    return -SEVERITIES.index(one.severity), one.path, one.line, one.rule, one.why


def _distinct(findings: list[GateFinding]) -> list[GateFinding]:
    """Without what two ways of looking found alike: one secret a line, one finding a subject."""
    kept: dict[tuple[str, ...], GateFinding] = {}
    for one in sorted(findings):
        about = "" if one.rule == "secret-in-config" else one.why
        kept.setdefault((one.path, str(one.line), one.rule, about), one)
    return list(kept.values())


def _fits(waiver: Waiver, one: GateFinding) -> bool:
    return (
        waiver.rule == one.rule
        and one.known.is_waivable
        and is_matched(one.path, (waiver.path,))
        and waiver.subject in ("", one.subject)
    )


def _verdict(kept: list[GateFinding], settings: Settings) -> Verdict:
    least = SEVERITIES.index(settings.fail_at)
    is_refused = any(
        SEVERITIES.index(one.severity) >= least for one in kept if one.rule != NOT_EXAMINED
    )
    if settings.level is Level.ADVISE:
        return Verdict.PASS
    if is_refused:
        return Verdict.REFUSE
    return Verdict.NOT_EXAMINED if any(one.rule == NOT_EXAMINED for one in kept) else Verdict.PASS
