"""Rows from the templates: attacks, benign twins, and both inside the output of tools."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from zlib import crc32

from training.corpus import Row
from training.prompt_guard.grammar import Section, expand, literal, sections_of

SHARED = ("slots.txt", "attacks.txt", "benign.txt", "carriers.txt")
ALL, SEEN, UNSEEN = "all", "seen", "unseen"
"""Which templates: all of them, or one side of the split that the evaluation makes."""
SPLIT = frozenset(
    {"carrier", "agent_plain", "agent_override", "human_request", "agentdo", "harm", "task"}
)
"""Slots whose lines are split too, so that the unseen side has goals and carriers of its own."""
CARRIED: tuple[tuple[str, bool, str, int], ...] = (
    ("agent_override", True, "indirect_injection", 2600),
    ("agent_plain", True, "indirect_plain", 3200),
    ("human_request", False, "benign_tool_output", 3000),
    ("note", False, "benign_tool_output", 800),
)
_SPLIT_FOREIGN = ("attack", "benign", "cyber", "inject", "do", "goal", "harm")
LANGUAGES = tuple(
    part
    for line in ("ar bn de es fa fr hi hinglish", "id it ja ko nl pl pt ru", "sv th tr uk vi zh")
    for part in line.split()
)
_COMMON = ("mail", "url", "number", "amount", "name", "day", "place", "subject", "topic")
FOREIGN: tuple[tuple[str, bool, str, int], ...] = (
    ("attack", True, "multilingual_injection", 170),
    ("benign", False, "benign_multilingual", 110),
    ("cyber", False, "benign_multilingual", 60),
    ("harm", False, "plain_harmful", 12),
)
FOREIGN_CARRIED: tuple[tuple[str, bool, str, int], ...] = (
    ("inject", True, "indirect_plain", 50),
    ("attack", True, "indirect_injection", 40),
    ("note", False, "benign_tool_output", 80),
)
HARMFUL_KINDS = frozenset({"plain_harmful", "content_prompt"})
HARMLESS_KINDS = frozenset({"benign_prompt", "benign_short", "benign_cyber"})
REAL = 1500
"""Questions of each kind that are taken from the given rows."""
_SIGNS = ("!--", "}", "](", "==", "{{", "\\\\", "##", '"', ")", ";)", "?>", "||", "*/", "~", "[/")
_TYPOS = 0.08
_CASES = ((0.10, str.lower), (0.12, str.upper))


def typos(text: str, pick: random.Random, rate: float = 1 / 18) -> str:
    """The text with a few slips of the finger."""
    letters = list(text)
    for _ in range(max(1, int(len(letters) * rate))):
        at = pick.randrange(max(1, len(letters) - 1))
        slip = pick.randrange(3)
        if slip == 0:
            letters[at : at + 2] = letters[at : at + 2][::-1]
        elif slip == 1:
            del letters[at : at + 1]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


def noisy(text: str, pick: random.Random) -> str:
    """The text as people type it: now and then in one case, or with slips."""
    chance = pick.random()
    for limit, change in _CASES:
        if chance < limit:
            text = change(text)
            break
    return typos(text, pick, pick.choice((1 / 30, 1 / 14))) if pick.random() < _TYPOS else text


@cache
def sections(part: str) -> Mapping[str, Section]:
    """All English sections, with the lines of that side of the split."""
    found: dict[str, Section] = {}
    for name in SHARED:
        found.update(sections_of(name))
    return {name: _side(section, part) for name, section in found.items()}


def _side(section: Section, part: str) -> Section:
    if section.rows or section.name in SPLIT:
        return _split(section, part)
    return section


def _split(section: Section, part: str) -> Section:
    """The lines of one side of the split; all of them where that side has none."""
    if part == ALL:
        return section
    lines = tuple(x for x in section.lines if (crc32(x.encode()) % 4 == 0) == (part == UNSEEN))
    return replace(section, lines=lines or section.lines)


def carried(what: str, slots: Mapping[str, Section], pick: random.Random) -> str:
    """A sentence of that section inside the output of a tool."""
    carrier = expand(pick.choice(slots["carrier"].lines), slots, pick)
    return carrier.replace("{x}", expand(pick.choice(slots[what].lines), slots, pick))


@cache
def _language(name: str, part: str) -> Mapping[str, Section]:
    """The sections of a language, with the slots that all languages share."""
    common = sections(part)
    shared = {slot: common[slot] for slot in (*_COMMON, "carrier", "longtext")}
    own = sections_of(f"languages/{name}.txt")
    kept = {
        key: _split(value, part) if key in _SPLIT_FOREIGN else value for key, value in own.items()
    }
    return {**shared, **kept}


def foreign(seed: int, part: str = ALL, share: float = 1.0) -> list[Row]:
    """Attacks and benign twins in other languages, alone and inside the output of tools."""
    pick = random.Random(seed)
    rows: dict[str, Row] = {}
    for language in LANGUAGES:
        slots = _language(language, part)
        for makers, is_carried in ((FOREIGN, False), (FOREIGN_CARRIED, True)):
            for name, is_attack, kind, count in makers:
                labels = ("malicious",) if is_attack else ()
                source = f"gen_{language}{'_carried' if is_carried else ''}_{name}"
                for _ in range(int(count * share)):
                    if is_carried:
                        text = carried(name, slots, pick)
                    else:
                        text = noisy(expand(pick.choice(slots[name].lines), slots, pick), pick)
                    rows.setdefault(text, Row(text, labels, source, kind))
    return list(rows.values())


def soups(texts: Sequence[str], pick: random.Random, count: int = 600) -> tuple[str, ...]:
    """Runs of pieces of words and signs, such as suffixes found by search on gradients look."""
    found = []
    for _ in range(count):
        pieces = []
        for _ in range(pick.randrange(7, 26)):
            text = pick.choice(texts)
            at = pick.randrange(max(1, len(text)))
            piece = text[at : at + pick.randrange(1, 8)].strip()
            piece = pick.choice((piece, piece, piece.capitalize(), pick.choice(_SIGNS)))
            pieces.append(piece + pick.choice(("", " ", " ")))
        found.append(literal("".join(pieces).strip()))
    return tuple(found)


def with_real(
    slots: Mapping[str, Section], rows: Sequence[Row], pick: random.Random
) -> dict[str, Section]:
    """The slots with questions that people wrote: harmful ones, and harmless ones of each kind."""
    usable = [row for row in rows if 15 < len(row.text) < 260]
    harmful = [literal(row.text) for row in usable if row.kind in HARMFUL_KINDS]
    harmless = [literal(row.text) for row in usable if row.kind in HARMLESS_KINDS]
    pick.shuffle(harmful)
    pick.shuffle(harmless)
    soup = soups([row.text for row in usable], pick)
    more = {
        "harmq": tuple(harmful[:REAL]),
        "question": tuple(harmless[:REAL]),
        "soup": soup,
        "junkb": soup[:20],
    }
    filled = dict(slots)
    for name, lines in more.items():
        own = slots[name].lines
        repeated = own * max(1, len(lines) // len(own))
        filled[name] = replace(slots[name], lines=(*repeated, *lines))
    return filled


def composed(seed: int, part: str = ALL, share: float = 1.0, real: Sequence[Row] = ()) -> list[Row]:
    """All rows of the English templates; the same seed gives the same rows.

    `real` are rows whose questions fill the slots beside those of the templates.
    """
    pick = random.Random(seed)
    slots = with_real(sections(part), real, pick) if real else sections(part)
    rows: dict[str, Row] = {}
    attacks = sections_of("attacks.txt")
    for section in slots.values():
        labels = ("malicious",) if section.name in attacks else ()
        for _ in range(int(section.rows * share)):
            text = noisy(expand(pick.choice(section.lines), slots, pick), pick)
            rows.setdefault(text, Row(text, labels, f"gen_{section.name}", section.kind))
    for name, is_attack, kind, count in CARRIED:
        labels = ("malicious",) if is_attack else ()
        for _ in range(int(count * share)):
            text = carried(name, slots, pick)
            rows.setdefault(text, Row(text, labels, f"gen_carried_{name}", kind))
    return list(rows.values())
