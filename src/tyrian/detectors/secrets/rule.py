"""What a rule for one kind of secret consists of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tyrian.core.detection import Severity


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One token format. A literal leads to it; the pattern and the check confirm it."""

    provider: str
    """Ends the finding's rule id, `secret.<provider>`; kebab-case, stable."""
    what: str
    """The kind of secret, for people."""
    literals: tuple[str, ...]
    """Lower case. At least one occurs in, or (with `near`) close to, every such secret."""
    pattern: str
    """Of bounded length: a try costs a constant. Its group `secret`, if any, is the span."""
    check: Callable[[str], bool] | None = None
    severity: Severity = Severity.HIGH
    score: float = 0.95
    offsets: tuple[int, ...] = (0,)
    """How far before the literal the match starts; unused where `near` is set."""
    near: int = 0
    """How far from the literal, on either side, the match may start."""
    reach: int = 64
    """Longest match, where `near` is set; farthest place of `tail`, where that is."""
    tail: str = ""
    """Stands in every match, at most `reach` behind the literal: heads without it cost no try."""
    may_be_placeholder: bool = False
    """A checksum or structure already proves the secret, so look-alikes are not weeded out."""
    is_word: bool = True
    """The match does not start inside a longer word."""
    bare_check: Callable[[str], bool] | None = None
    """The check for the group `bare`: a value without quotes, which counts for less."""

    def compile(self) -> re.Pattern[bytes]:
        """The pattern for bytes."""
        boundary = r"(?<![A-Za-z0-9])" if self.is_word else ""
        return re.compile(f"{boundary}(?:{self.pattern})".encode())


def token(
    provider: str,
    what: str,
    pattern: str,
    *literals: str,
    check: Callable[[str], bool] | None = None,
    score: float = 0.95,
    severity: Severity = Severity.HIGH,
    proven: bool = False,
    tail: str = "",
    reach: int = 64,
) -> SecretRule:
    """A token that starts with a literal of its own and ends at the end of a word."""
    leads = literals or (_lead(pattern),)
    end = r"(?![A-Za-z0-9])"
    return SecretRule(
        provider,
        what,
        leads,
        pattern + end,
        check,
        severity,
        score,
        may_be_placeholder=proven,
        tail=tail,
        reach=reach,
    )


def near(
    provider: str,
    what: str,
    pattern: str,
    *literals: str,
    within: int = 0,
    reach: int = 64,
    offsets: tuple[int, ...] = (0,),
    check: Callable[[str], bool] | None = None,
    score: float = 0.8,
    severity: Severity = Severity.HIGH,
    tail: str = "",
) -> SecretRule:
    """A secret without a telling prefix, known by a literal inside it or a word close to it."""
    text = pattern + r"(?![A-Za-z0-9])"
    return SecretRule(
        provider, what, literals, text, check, severity, score, offsets, within, reach, tail
    )


_SPECIAL = frozenset(r".[](){}?*+|^$")
_OPTIONAL = frozenset("?*{")


def _lead(pattern: str) -> str:
    """The plain text that a pattern starts with, in lower case."""
    lead: list[str] = []
    at = 0
    while at < len(pattern):
        width = 2 if pattern[at] == "\\" else 1
        char = pattern[at + width - 1]
        is_plain = not char.isalnum() if width == 2 else char not in _SPECIAL
        is_optional = pattern[at + width : at + width + 1] in _OPTIONAL
        if not is_plain or is_optional:
            break
        lead.append(char)
        at += width
    return "".join(lead).lower()
