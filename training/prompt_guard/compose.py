"""Rows from the templates: attacks, benign twins, and both inside the output of tools."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from zlib import crc32

from training.corpus import Row
from training.prompt_guard.grafts import grafted
from training.prompt_guard.grammar import (
    Section,
    drawn,
    expand,
    literal,
    marked,
    sections_of,
    unmarked,
)
from training.prompt_guard.noise import noisy

_WRITTEN = tuple(
    sorted(
        f"written/{file.name}"
        for file in files("training.prompt_guard").joinpath("templates", "written").iterdir()
    )
)
ATTACKS = (
    *("attacks.txt", "attacks_secret.txt", "attacks_frame.txt", "attacks_switch.txt"),
    "attacks_more.txt",
    *(name for name in _WRITTEN if name.startswith("written/attacks_")),
)
SHARED = (
    *("slots.txt", "slots_more.txt", "goals.txt", *ATTACKS),
    *("benign.txt", "benign_secret.txt", "benign_styled.txt"),
    *("benign_plain.txt", "benign_security.txt", "benign_trigger.txt", "benign_more.txt"),
    *("frames.txt", "carriers.txt", "tools.txt", "tools_more.txt"),
    *(name for name in _WRITTEN if name not in ATTACKS),
)
"""Files with templates; sections of one name in several files are one section."""
ALL, SEEN, UNSEEN = "all", "seen", "unseen"
"""Which templates: all of them, or one side of the split that the evaluation makes."""
SPLIT = frozenset(
    {
        *("carrier", "agent_plain", "agent_override", "human_request", "agentdo", "textdo"),
        *("harm", "task", "humando", "frame", "harmless", "secdo"),
    }
)
"""Slots whose lines are split too, so that the unseen side has goals and carriers of its own."""
PAIRED = frozenset({"framed", "b_framed", "fiction", "b_fiction", "persuade", "b_persuade"})
"""Sections whose twins stand in the same order: both twins of a line are on one side."""
CARRIED: tuple[tuple[str, bool, str, int], ...] = (
    ("agent_override", True, "indirect_injection", 3000),
    ("agent_plain", True, "indirect_plain", 4200),
    ("human_request", False, "benign_tool_output", 4000),
    ("note", False, "benign_tool_output", 1400),
)
_SPLIT_FOREIGN = ("attack", "benign", "cyber", "inject", "do", "goal", "harm")
LANGUAGES = tuple(
    part
    for line in ("ar bn de es fa fr hi hinglish", "id it ja ko nl pl pt ru", "sv th tr uk vi zh")
    for part in line.split()
)
_COMMON = (
    *("mail", "url", "number", "amount", "name", "day", "place", "subject", "topic"),
    *("question", "task", "job", "word"),
)
FOREIGN: tuple[tuple[str, bool, str, int], ...] = (
    ("attack", True, "multilingual_injection", 460),
    ("benign", False, "benign_multilingual", 500),
    ("cyber", False, "benign_multilingual", 160),
    ("harm", False, "plain_harmful", 12),
)
FOREIGN_CARRIED: tuple[tuple[str, bool, str, int], ...] = (
    ("inject", True, "indirect_plain", 90),
    ("attack", True, "indirect_injection", 40),
    ("note", False, "benign_tool_output", 140),
)
HARMFUL_KINDS = frozenset({"plain_harmful", "content_prompt"})
HARMLESS_KINDS = frozenset({"benign_prompt", "benign_short", "benign_cyber"})
REAL = 1500
"""Questions of each kind that are taken from the given rows."""
_SIGNS = ("!--", "}", "](", "==", "{{", "\\\\", "##", '"', ")", ";)", "?>", "||", "*/", "~", "[/")
REPETITIONS = 900
FRAMES = 3200
"""Rows of each side of the twins: one frame around a harmful goal, and around a harmless one."""
_FRAMED: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("gen_frame_harm", "jailbreak", {"aq": "harmq", "ag": "harm"}),
    ("gen_frame_plain", "benign_adversarial", {"aq": "question", "ag": "task"}),
)
"""Source, kind, and what fills the slots of a frame."""


@cache
def sections(part: str) -> Mapping[str, Section]:
    """All English sections, with the lines of that side of the split."""
    found: dict[str, Section] = {}
    for file in SHARED:
        for name, section in sections_of(file).items():
            known = found.get(name)
            lines = (*known.lines, *section.lines) if known else section.lines
            found[name] = replace(known or section, lines=lines)
    return {name: _side(section, part) for name, section in found.items()}


def _side(section: Section, part: str) -> Section:
    if section.rows or section.name in SPLIT:
        return _split(section, part)
    return section


def _split(section: Section, part: str) -> Section:
    """The lines of one side of the split; all of them where that side has none."""
    if part == ALL:
        return section
    lines = tuple(
        line
        for number, line in enumerate(section.lines)
        if ((number if section.name in PAIRED else crc32(line.encode())) % 4 == 0)
        == (part == UNSEEN)
    )
    return replace(section, lines=lines or section.lines)


def carried(line: str, slots: Mapping[str, Section], pick: random.Random) -> str:
    """A sentence of this template inside the output of a tool, with marks around it."""
    carrier = expand(pick.choice(slots["carrier"].lines), slots, pick)
    return carrier.replace("{x}", marked(expand(line, slots, pick)))


def _row(text: str, labels: tuple[str, ...], source: str, kind: str) -> Row:
    plain, focus = unmarked(text)
    return Row(plain, labels, source, kind, focus)


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
                for line in drawn(slots[name].lines, int(count * share), pick):
                    if is_carried:
                        text = carried(line, slots, pick)
                    else:
                        text = noisy(expand(line, slots, pick), pick)
                    rows.setdefault(text, _row(text, labels, source, kind))
    return list(rows.values())


def framed(slots: Mapping[str, Section], pick: random.Random, count: int) -> list[Row]:
    """The same frames around harmful and harmless goals."""
    rows = []
    for source, kind, fills in _FRAMED:
        filled = {**slots, **{slot: slots[name] for slot, name in fills.items()}}
        labels = () if kind.startswith("benign") else ("malicious",)
        for line in drawn(slots["frame"].lines, count, pick):
            text = noisy(expand(line, filled, pick), pick)
            rows.append(Row(text, labels, source, kind))
    return rows


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


def repetitions(texts: Sequence[str], pick: random.Random, count: int) -> list[str]:
    """One word, number or sign again and again, as people type to try something out."""
    found = []
    for _ in range(count):
        words = pick.choice(texts).split()
        unit = " ".join(words[: pick.choice((1, 1, 1, 1, 2, 3))]) or "a"
        joint = pick.choice((" ", " ", " ", ", ", "\n", "", "-", " . "))
        found.append(joint.join([unit] * pick.choice((3, 5, 8, 13, 30, 60, 150)))[:1600])
    return found


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
    attacks = {name for file in ATTACKS for name in sections_of(file)}
    for section in slots.values():
        labels = ("malicious",) if section.name in attacks else ()
        for line in drawn(section.lines, int(section.rows * share), pick):
            text = noisy(expand(line, slots, pick), pick)
            rows.setdefault(text, _row(text, labels, f"gen_{section.name}", section.kind))
    harmless = [row.text for row in rows.values() if not row.labels]
    for text in repetitions(harmless, pick, int(REPETITIONS * share)):
        rows.setdefault(text, Row(text, (), "gen_repeated", "benign_short"))
    for row in framed(slots, pick, int(FRAMES * share)):
        rows.setdefault(row.text, row)
    for name, is_attack, kind, count in CARRIED:
        labels = ("malicious",) if is_attack else ()
        for line in drawn(slots[name].lines, int(count * share), pick):
            text = carried(line, slots, pick)
            rows.setdefault(text, _row(text, labels, f"gen_carried_{name}", kind))
    for row in grafted(slots, pick, share):
        rows.setdefault(row.text, row)
    return list(rows.values())
