"""What a scan says of a file: findings, and whether all of it was examined."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from tyrian.supply.scan.later import Later

if TYPE_CHECKING:
    from tyrian.core.detection import Severity
    from tyrian.supply.scan.rules.table import rule_of
else:
    rule_of = Later("rules.table:rule_of")

_MOST_FINDINGS = 200
"""Findings kept of one file; what comes after is only counted."""


class Outcome(StrEnum):
    """How the scan of one file ended; only CLEAN passes."""

    CLEAN = "clean"
    """Every byte was read by something that knows the format, and nothing was found."""
    FOUND = "found"
    NOT_EXAMINED = "not-examined"
    """Something of it was not read, so nothing is said of that."""


class ScanFinding(NamedTuple):
    """One piece of evidence in a file that was never loaded."""

    rule: str
    severity: "Severity"
    path: str
    """The file; members of archives follow after `!/`."""
    offset: int
    """Bytes from the start of the innermost file named in `path`."""
    why: str
    """What it is and what it would do, in a sentence."""
    reference: str
    """Where the mechanism is described."""


class Claim(NamedTuple):
    """Another file that this one says is nothing but its numbers."""

    name: str
    """Relative to the folder of the file that claims it."""
    end: int
    """Up to here its bytes are numbers."""


class ScanReport(NamedTuple):
    """All that is said of one file."""

    path: str
    outcome: Outcome
    findings: tuple[ScanFinding, ...] = ()
    more: int = 0
    """Findings beyond those kept."""
    size: int = 0
    kind: str = ""
    """The format that its content has, such as `pickle` or `zip`."""
    claims: tuple[Claim, ...] = ()
    sha256: str = ""
    """In hexadecimal, where it was asked for and all of the file could be read."""


TextJudge = Callable[[str], Iterable[tuple[int, str, str]]]
"""Further judges of texts, given by who calls the scan: character, rule and reason of each."""


class Collector:
    """Gathers the findings of one file; `inside` gives a collector for a part of it."""

    __slots__ = ("_more", "claims", "findings", "judge", "path")

    def __init__(self, path: str, judge: TextJudge | None = None) -> None:
        self.path = path
        self.judge = judge
        self.findings: list[ScanFinding] = []
        self.claims: list[Claim] = []
        self._more = [0]

    def add(self, rule: str, offset: int, why: str) -> None:
        """Note a finding; its severity and reference are those of the rule."""
        known = rule_of(rule)
        found = ScanFinding(rule, known.severity, self.path, offset, why, known.reference)
        if found in self.findings[-8:]:
            return
        if len(self.findings) >= _MOST_FINDINGS and not known.is_unread:
            self._more[0] += 1
            return
        self.findings.append(found)

    def inside(self, name: str) -> "Collector":
        """A collector for a member, whose findings count for the whole."""
        part = Collector(f"{self.path}!/{name}", self.judge)
        part.findings, part.claims, part._more = self.findings, self.claims, self._more
        return part

    def claim(self, name: str, end: int) -> None:
        """Note that another file holds numbers of this one, up to there."""
        self.claims.append(Claim(name, end))

    def apart(self) -> "Collector":
        """A collector for the same place whose findings count only once they are taken."""
        return Collector(self.path, judge=self.judge)

    def take(self, findings: Iterator[ScanFinding]) -> None:
        """Add what was found apart."""
        for found in findings:
            self.add_made(found)

    def add_made(self, found: ScanFinding) -> None:
        """Note a finding that was made elsewhere."""
        if len(self.findings) >= _MOST_FINDINGS and not rule_of(found.rule).is_unread:
            self._more[0] += 1
        else:
            self.findings.append(found)

    def report(self, size: int, kind: str, sha256: str = "") -> ScanReport:
        """The end of the scan of the file."""
        found = [one for one in self.findings if not rule_of(one.rule).is_unread]
        outcome = Outcome.CLEAN
        more = self._more[0]
        if found or more:
            outcome = Outcome.FOUND
        elif self.findings:
            outcome = Outcome.NOT_EXAMINED
        findings = tuple(self.findings)
        return ScanReport(
            self.path, outcome, findings, more, size, kind, tuple(self.claims), sha256
        )
