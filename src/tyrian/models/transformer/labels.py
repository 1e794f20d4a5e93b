"""What the classes of a prompt-attack classifier mean, however they are spelled."""

from collections.abc import Sequence

from tyrian.errors import ModelError

BENIGN, INJECTION, JAILBREAK, MALICIOUS = "benign", "injection", "jailbreak", "malicious"

_BENIGN_WORDS = frozenset(
    {"benign", "safe", "clean", "normal", "legit", "legitimate", "harmless", "ok", "none"}
)
_INJECTION_WORDS = frozenset({"injection", "prompt injection", "indirect injection"})
_JAILBREAK_WORDS = frozenset({"jailbreak", "jail break", "direct jailbreak"})
_MALICIOUS_WORDS = frozenset({"malicious", "unsafe", "attack", "harmful", "adversarial"})

_BY_COUNT = {2: (BENIGN, MALICIOUS), 3: (BENIGN, INJECTION, JAILBREAK)}
"""What numbers stand for: Prompt Guard 2 and Prompt Guard 1."""


def meanings(names: Sequence[str]) -> tuple[str, ...]:
    """The meaning of each class in the order of the logits.

    Two classes mean `benign` and `malicious` (Prompt Guard 2), three `benign`, `injection` and
    `jailbreak` (Prompt Guard 1). Names that are mere numbers (`LABEL_0`) take that order. Raises
    ModelError for other names or numbers of classes.
    """
    plain = [_plain(name) for name in names]
    usual = _BY_COUNT.get(len(plain))
    if usual is None:
        raise ModelError(
            f"a prompt guard has two or three classes, this model has {len(plain)}",
            hint="is it the directory of another model?",
        )
    if all(name in (f"label {number}", str(number)) for number, name in enumerate(plain)):
        return usual
    found = tuple(_meaning(name) for name in plain)
    if len(found) == 2:
        found = tuple(BENIGN if one == BENIGN else MALICIOUS if one else "" for one in found)
    if sorted(found) != sorted(usual):
        raise ModelError(
            f"cannot tell what the classes {', '.join(map(repr, names))} mean",
            hint="name them in their order in the stack: options: {labels: [benign, malicious]}",
        )
    return found


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _meaning(name: str) -> str:
    if name in _BENIGN_WORDS or name.startswith(("no ", "not ")):
        return BENIGN
    if name in _INJECTION_WORDS:
        return INJECTION
    if name in _JAILBREAK_WORDS:
        return JAILBREAK
    return MALICIOUS if name in _MALICIOUS_WORDS else ""
