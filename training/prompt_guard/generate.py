"""Attacks and benign twins from templates: same forms, topics and languages on both sides."""

import random
from collections.abc import Callable

from training.corpus import Row
from training.prompt_guard.english import (
    BENIGN,
    BENIGN_FILLS,
    CARRIERS,
    DAYS,
    EXTRACTIONS,
    GIVEN,
    GOALS,
    JOBS,
    MAILS,
    NOTICES,
    ORDERS,
    QUANTITIES,
    ROLES,
    TIMES,
    TOPICS,
    VERBS,
)
from training.prompt_guard.phrases import ATTACKS, TWINS
from training.prompt_guard.records import (
    identifiers,
    listings,
    logs,
    made_up_words,
    planted,
    tables,
)

_ENDS = (".", "", "!", "...", ";", " -")


def _fill(template: str, pick: random.Random) -> str:
    values = {
        "{day}": pick.choice(DAYS),
        "{mail}": pick.choice(MAILS),
        "{topic}": pick.choice(TOPICS),
        "{job}": pick.choice(JOBS),
        "{url}": f"https://{pick.choice(('example.com', 'evil.example', 'files.example.org'))}/a",
        "{account}": f"DE{pick.randrange(10**9)}",
    }
    for slot, value in values.items():
        template = template.replace(slot, value)
    return template


def override(pick: random.Random) -> str:
    """One English override, alone or with what is to be done instead."""
    words = [pick.choice(VERBS), pick.choice(QUANTITIES), pick.choice(TIMES), pick.choice(ORDERS)]
    if pick.random() < 0.1:
        words[2] += f" and {pick.choice(TIMES)}"
    text = " ".join(w for w in words if w) + pick.choice(GIVEN)
    text = pick.choice(("", "", "", "Please ", "You must ", "I order you to ", "Now ")) + text
    if pick.random() < 0.5:
        text += pick.choice((" and ", ". ", ", then ", ". Instead, ")) + _fill(
            pick.choice(GOALS), pick
        )
    text = pick.choice((str.capitalize, str, str.upper, str.lower, str.capitalize))(text)
    return text + pick.choice(_ENDS)


def _extraction(pick: random.Random) -> str:
    return pick.choice(("", "", "Hi! ", "Please: ", "Thanks. Now: ")) + pick.choice(EXTRACTIONS)


def _role(pick: random.Random) -> str:
    tail = pick.choice(
        ("", f" My first question is about {pick.choice(TOPICS)}.", " Do you understand?")
    )
    return pick.choice(ROLES) + tail


def _notice(pick: random.Random) -> str:
    goal = _fill(pick.choice(GOALS), pick)
    return f"{pick.choice(NOTICES)} {pick.choice((override(pick) + ' ', ''))}{goal}."


def _foreign(table: dict[str, tuple[str, ...]], pick: random.Random) -> str:
    phrases = table[pick.choice(sorted(table))]
    text = pick.choice(phrases)
    if pick.random() < 0.3:
        text += pick.choice((". ", ", ", "\n", "! ")) + pick.choice(phrases)
    return text + pick.choice(("", ".", "!"))


def _carried(make: Callable[[random.Random], str], pick: random.Random) -> str:
    return _fill(pick.choice(CARRIERS).replace("{x}", "\0"), pick).replace("\0", make(pick))


def typos(text: str, pick: random.Random) -> str:
    """The text with a few slips of the finger."""
    letters = list(text)
    for _ in range(max(1, len(letters) // 18)):
        at = pick.randrange(max(1, len(letters) - 1))
        slip = pick.randrange(3)
        if slip == 0:
            letters[at : at + 2] = letters[at : at + 2][::-1]
        elif slip == 1:
            del letters[at : at + 1]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


def _benign_fill(pick: random.Random) -> str:
    return _fill(pick.choice(BENIGN_FILLS), pick)


def _benign_foreign(pick: random.Random) -> str:
    return _foreign(TWINS, pick)


def _attack_foreign(pick: random.Random) -> str:
    return _foreign(ATTACKS, pick)


def _benign(pick: random.Random) -> str:
    first = _fill(pick.choice(BENIGN), pick)
    return first if pick.random() < 0.7 else f"{first} {_fill(pick.choice(BENIGN), pick)}"


def _core(pick: random.Random) -> str:
    words = (
        pick.choice(("ignore", "disregard", "forget", "override", "ignore")),
        pick.choice(("", "all", "all the", "any", "all of the", "the", "your")),
        pick.choice(("previous", "prior", "above", "earlier", "preceding")),
        pick.choice(
            ("instructions", "rules", "directions", "guidelines", "instructions", "prompts")
        ),
    )
    text = " ".join(w for w in words if w)
    tail = pick.choice(("", "", "", f" and {_fill(pick.choice(GOALS), pick)}"))
    return pick.choice((str.capitalize, str, str.upper))(text) + tail + pick.choice(("", ".", "!"))


def _repeated(pick: random.Random) -> str:
    if pick.random() < 0.4:
        return pick.choice("xa0=-*#._~ozАя字") * pick.randrange(2, 900)
    word = pick.choice(
        (*TOPICS, "a", "test", "hello", "0", "la", "ignore", "system", "prompt", "x\n")
    )
    return " ".join([word] * pick.randrange(2, 150))


Maker = Callable[[random.Random], str]

_ATTACK_MAKERS: tuple[tuple[str, str, int, Maker], ...] = (
    ("gen_core", "direct_injection", 900, _core),
    ("gen_override", "direct_injection", 1500, override),
    ("gen_override_typos", "direct_injection", 400, lambda pick: typos(override(pick), pick)),
    ("gen_extraction", "direct_injection", 300, _extraction),
    ("gen_role", "jailbreak", 300, _role),
    ("gen_foreign", "multilingual_injection", 2000, _attack_foreign),
    ("gen_carried", "indirect_injection", 1500, lambda pick: _carried(override, pick)),
    ("gen_carried_notice", "indirect_injection", 800, lambda pick: _carried(_notice, pick)),
    (
        "gen_carried_foreign",
        "indirect_injection",
        600,
        lambda pick: _carried(_attack_foreign, pick),
    ),
    ("gen_record_attack", "indirect_injection", 500, lambda pick: planted(_notice(pick), pick)),
)
_BENIGN_MAKERS: tuple[tuple[str, str, int, Maker], ...] = (
    ("gen_benign", "benign_trigger_words", 1800, _benign),
    ("gen_benign_typos", "benign_trigger_words", 300, lambda pick: typos(_benign(pick), pick)),
    ("gen_benign_foreign", "benign_multilingual", 1500, _benign_foreign),
    ("gen_benign_carried", "benign_tool_output", 1200, lambda pick: _carried(_benign_fill, pick)),
    (
        "gen_benign_carried_foreign",
        "benign_tool_output",
        500,
        lambda pick: _carried(_benign_foreign, pick),
    ),
    ("gen_repeated", "benign_repeated", 250, _repeated),
    ("gen_identifiers", "benign_tool_output", 700, identifiers),
    ("gen_logs", "benign_tool_output", 400, logs),
    ("gen_listings", "benign_tool_output", 400, listings),
    ("gen_tables", "benign_tool_output", 400, tables),
    ("gen_made_up_words", "benign_made_up", 600, made_up_words),
    ("gen_record_note", "benign_tool_output", 400, lambda p: planted(_benign_fill(p), p)),
)


def generate(seed: int) -> list[Row]:
    """All generated rows; the same seed gives the same rows."""
    pick = random.Random(seed)
    rows: dict[str, Row] = {}
    for label, makers in (("malicious", _ATTACK_MAKERS), ("", _BENIGN_MAKERS)):
        for source, kind, count, make in makers:
            for _ in range(count):
                text = make(pick)
                rows.setdefault(text, Row(text, (label,) if label else (), source, kind))
    return list(rows.values())
