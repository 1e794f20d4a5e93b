"""Secrets in configuration files: by the names of keys, and by whatever judge of texts is given."""

import re
from collections.abc import Callable, Iterable, Iterator

from tyrian.supply.gate.finding import GateFinding, Place, found

SecretJudge = Callable[[str], Iterable[tuple[int, str]]]
"""Gives the character and the kind of each secret of a text."""

_NAME = re.compile(r"(?i)(?:^|[_-])(?:api[_-]?key|token|secret|password|passwd|credential|auth)s?$")
_HARMLESS = re.compile(
    r"(?i)\$|\{\{|<[^>]*>|%\w+%|your|change[-_ ]?me|example|placeholder|dummy|none|null|xxx|\*\*\*"
    r"|replace|todo|test|fake|not[-_ ]?needed|unused|empty|local|sk-\.\.\.|/run/secrets|^file:"
)
_LEAST = 12


def is_secret(name: str, value: object) -> bool:
    """Whether a value stands in the open under a name that says it is a secret."""
    if not isinstance(value, str) or len(value) < _LEAST or " " in value.strip():
        return False
    return bool(_NAME.search(name)) and not _HARMLESS.search(value) and len(set(value)) > 5


def judge_secrets(path: str, text: str, judge: SecretJudge) -> Iterator[GateFinding]:
    """What a judge finds, one finding a line; the secret itself is never told."""
    told: set[int] = set()
    for start, kind in judge(text):
        line = text.count("\n", 0, start) + 1
        if line not in told:
            told.add(line)
            yield found(Place(path, line), "secret-in-config", kind, f"{kind} stands there")


def secret_named(place: Place, name: str) -> GateFinding:
    """A finding for a secret under its name."""
    return found(place, "secret-in-config", name, f"the value of {name} stands there in the open")
