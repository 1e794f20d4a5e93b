"""What a rule says: which code, under which conditions, and what people are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tyrian.core.detection import Severity

if TYPE_CHECKING:
    from tyrian.detectors.code_shield.fragment import Fragment
    from tyrian.detectors.code_shield.semgrep.source import Source


class Profile(StrEnum):
    """How sure a rule must be to count: `block` is surest, `audit` wants to see everything."""

    BLOCK = "block"
    WARN = "warn"
    AUDIT = "audit"

    def includes(self, other: "Profile") -> bool:
        """Whether rules of `other` run under this profile."""
        return _RANK[other] <= _RANK[self]


_RANK = {Profile.BLOCK: 0, Profile.WARN: 1, Profile.AUDIT: 2}


class Confidence(StrEnum):
    """How often a finding of the rule is right."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Is(StrEnum):
    """What an expression can be asked to be."""

    LITERAL = "literal"
    STRING = "string"
    BUILT = "built"
    DYNAMIC = "dynamic"
    NAME = "name"
    CALL = "call"
    TAINTED = "tainted"
    ABSENT = "absent"
    PRESENT = "present"


class Scope(StrEnum):
    """Where `requires` and `unless` are looked for."""

    LINE = "line"
    BLOCK = "block"
    FUNCTION = "function"
    FRAGMENT = "fragment"


class Room(StrEnum):
    """Whether what is written fits into where it goes, as far as the fragment shows."""

    ENOUGH = "enough"
    UNKNOWN = "unknown"
    LESS = "less"
    """There is not room enough, whatever is written."""


@dataclass(frozen=True, slots=True)
class RoomTest:
    """A question about a write into memory; exactly one of text, append, format, scan, count."""

    into: int
    """Index of the argument that is written to."""
    is_: tuple[Room, ...]
    """Any of these."""
    text: int | None = None
    """Index of the string that is copied."""
    format: int | None = None
    """Index of the format; what it takes comes after it."""
    scan: int | None = None
    """Index of a format for reading; `into` is its first target."""
    append: int | None = None
    """Index of the string that is added to what the target already holds."""
    count: int | None = None
    """Index of the number of bytes."""


class Nearby(NamedTuple):
    """What stands around a match, in masked code of the same function. Names of groups that occur
    in several expressions are one variable: they must hold the same text."""

    before: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    """Where the look behind the match ends."""
    inside: tuple[str, ...] = ()
    """In the block, or the statement, that begins right behind the match."""
    not_inside: tuple[str, ...] = ()


class Value(NamedTuple):
    """Conditions on one expression; all that are given must hold."""

    is_: tuple[Is, ...] = ()
    """Any of these."""
    equals: tuple[str, ...] = ()
    regex: str = ""
    not_is: tuple[Is, ...] = ()
    not_equals: tuple[str, ...] = ()
    not_regex: str = ""


class ArgumentTest(NamedTuple):
    """Conditions on an argument, named by place, by keyword, or both."""

    indexes: tuple[int, ...] = ()
    keywords: tuple[str, ...] = ()
    is_any: bool = False
    """True where any argument will do."""
    value: Value = Value()
    name: str = ""
    """The variable that stands for the argument's text in `Nearby`."""


class Matcher(NamedTuple):
    """One way in which code matches a rule. Exactly one of call, assign, code, text, string."""

    call: tuple[str, ...] = ()
    args: tuple[ArgumentTest, ...] = ()
    assign: tuple[str, ...] = ()
    value: Value = Value()
    code: str = ""
    text: str = ""
    string: str = ""
    requires: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    scope: Scope = Scope.FUNCTION
    nearby: Nearby | None = None
    room: RoomTest | None = None
    unless_said: tuple[str, ...] = ()
    """Expressions for the text as written, comments too, from three lines above to one below."""

    @property
    def has_names(self) -> bool:
        """Whether its expression has groups that are variables."""
        return "(?P<" in self.code or "(?P<" in self.text


class Finder(Protocol):
    """A rule that looks at the tree of a text, as those in Semgrep's format do."""

    def open(self, fragment: "Fragment") -> "Source":
        """The fragment as a tree, for this rule and all others of its kind."""
        ...

    def find(self, source: "Source") -> Iterator[tuple[int, int]]:
        """The places that fit, each as its start and end."""
        ...


class CodeRule(NamedTuple):
    """One rule of one language."""

    id: str
    """Stable, `code.<language>.<name>`."""
    languages: tuple[str, ...]
    cwe: str
    owasp: str
    severity: Severity
    confidence: Confidence
    profile: Profile
    message: str
    fix: str
    source: str
    matchers: tuple[Matcher, ...]
    sanitisers: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    finder: Finder | None = None
    """What finds it, where that is no matcher."""

    @property
    def score(self) -> float:
        """What a finding of this rule counts for, 0..1."""
        if self.profile is Profile.BLOCK:
            return 1.0 if self.confidence is Confidence.HIGH else 0.9
        return 0.6 if self.profile is Profile.WARN else 0.3


class RuleFile(NamedTuple):
    """The rules of one file, and what counts as a source of foreign data there."""

    language: str
    theme: str
    rules: tuple[CodeRule, ...]
    sources: tuple[str, ...] = ()
    """Regular expressions for masked code whose values come from outside."""
