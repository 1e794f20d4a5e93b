"""Rows to learn content safety from: the given ones, and those made of the phrase tables.

Every hazard's phrases come with harmless twins in the same frames, so that neither the form nor
single words such as "kill" tell the two apart.
"""

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.content_guard.passages import FORMS, passages
from training.content_guard.phrases import Grammar, Keep, Section, all_sections
from training.corpus import Row, read_rows
from training.inputs import given_data
from training.prompt_guard.compose import repetitions
from training.prompt_guard.generate import typos

SEED = 20262
SAFE = "safe"
USER, ASSISTANT = "user", "assistant"
_HARMFUL = {"ask": 240, "say": 200, "write": 110, "answer": 70, "topic": 40}
_SAFE = {"ask": 240, "say": 200, "write": 90, "answer": 70}
_TURNED = {"about": 90, "refusal": 50, "topic": 70}
"""How many texts are made per hazard and section, and of hazards turned harmless."""
_MORE = {
    "everyday": 5, "errands": 12, "languages": 6, "speech": 4, "more": 4, "contrast": 8, "plots": 3,
    "crude": 3, "functions": 4,
}  # fmt: skip
"""Files of whose harmless sections more is made."""
_MORE_HARMFUL = {"functions": 4}
"""Files with few phrases of many choices, of whose harmful sections more is made too."""
_PER_LINE = 7
"""How often each whole text of a section is used, where that is more."""
_PER_WRITTEN_LINE = 4
WRITTEN = frozenset(
    {
        "asked",
        "asked_more",
        "platform",
        "platform_more",
        "requests",
        "requests_more",
        "requests_third",
        "said",
        "said_more",
    }
)
"""Files of whole texts, none like its neighbour, each hazard's with as many safe twins."""
_PER_FOREIGN_LINE = 12
"""The same in the files of single languages, where it is all that is made."""
_ADDRESSED = 0.5
"""Share of whole texts that may have words to the reader around them, as requests do."""
_BORROWED = 2500
_CARRIED = 4000
_CARRIER_LENGTH = 320
"""Characters of a carrier, so that a window that holds all of it is not much larger."""
_REPEATED = 900
_CARRIERS = frozenset(
    {"benign_prompt", "benign_roleplay", "benign_email", "benign_doc", "benign_dialog"}
)
_SENTENCE = re.compile(r"(?<=[.!?]) +")


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the texts of one section."""

    grammar: Grammar
    section: Section
    lines: Sequence[str]

    def phrase(self) -> str:
        return self.grammar.pick.choice(self.lines)

    def text(self, name: str) -> str:
        """One text of this section, used as `name` says."""
        grammar = self.grammar
        if name == "ask":
            frame = "question" if grammar.pick.random() < 0.35 else "ask"
            return _sentence(grammar.framed(frame, self.phrase()))
        if name in ("about", "refusal", "write", "topic", "praise"):
            return _sentence(grammar.framed(name, self.phrase()))
        if name == "agree":
            return _sentence(grammar.framed("answer", self.phrase()))
        is_whole = is_foreign_file(self.section.file) or self.section.file in WRITTEN
        count = 1 if is_whole else grammar.pick.choice((1, 1, 1, 2, 3))
        phrases = {self.phrase(): None for _ in range(count)}
        return " ".join(_sentence(grammar.expand(phrase)) for phrase in phrases)


def is_foreign_file(file: str) -> bool:
    """Whether a file holds phrases in other languages, which the frames do not fit."""
    return file.partition("_")[0] == "languages"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _addressed(text: str, grammar: Grammar) -> str:
    """What a user wrote, sometimes with words before or after that say nothing."""
    pick = grammar.pick
    if pick.random() < 0.18:
        text = f"{grammar.expand(pick.choice(grammar.slots['opening']))} {text}"
    elif pick.random() < 0.25:
        text = f"{grammar.expand(pick.choice(grammar.slots['context']))} {text}"
    if pick.random() < 0.18:
        text = f"{text} {grammar.expand(pick.choice(grammar.slots['ending']))}"
    return text


def _in_register(text: str, pick: random.Random) -> str:
    """The text in lower case, misspelt, ...; most often as it is."""
    chance = pick.random()
    if chance < 0.2:
        return text.lower()
    if chance < 0.3:
        return text.lower().rstrip("?.!").replace("'", "").replace(",", "")
    if chance < 0.36:
        return typos(text, pick)
    if chance < 0.39:
        return text.upper()
    return text


def _made(maker: _Maker, name: str, count: int, label: str) -> Iterator[Row]:
    labels = () if label == SAFE else (label,)
    turn = ASSISTANT if name in ("answer", "agree", "refusal") else USER
    source = f"own_{maker.section.file}/{_side_of(maker.section, label)}_{name}"
    for _ in range(count):
        text = maker.text(name)
        if turn == USER and not is_foreign_file(maker.section.file):
            if name != "say" or maker.grammar.pick.random() < _ADDRESSED:
                text = _addressed(text, maker.grammar)
            if name == "say" and maker.grammar.pick.random() < 0.12:
                text = maker.grammar.framed("wrap", text)
        text = _in_register(text, maker.grammar.pick)
        yield Row(text, labels, source, f"{'unsafe' if labels else 'safe'}_{turn}")


def _side_of(section: Section, label: str) -> str:
    """The label, and for safe twins also whose they are where each hazard has as many."""
    if label == SAFE and section.file in WRITTEN:
        return f"{SAFE}_{section.beside}"
    return label


def _count(section: Section, lines: Sequence[str], base: int) -> int:
    """How many texts to make of these lines."""
    if section.file.startswith("languages_"):
        return _PER_FOREIGN_LINE * len(lines)
    if section.file in WRITTEN:
        return _PER_WRITTEN_LINE * len(lines)
    return max(base, _PER_LINE * len(lines)) if section.name == "say" else base


def _of_section(section: Section, grammar: Grammar, keep: Keep) -> Iterator[Row]:
    maker = _Maker(grammar, section, [line for line in section.lines if keep(line)])
    if not maker.lines or section.label in ("slot", "frame") or section.name in FORMS:
        return
    name, label = section.name, section.label
    if label == SAFE:
        more = _MORE.get(section.file, 1)
        yield from _made(maker, name, _count(section, maker.lines, more * _SAFE[name]), SAFE)
        if name == "ask":
            yield from _made(maker, "agree", more * _SAFE["answer"], SAFE)
        return
    if name == "topic":
        yield from _made(maker, "praise", _HARMFUL["topic"], label)
        yield from _made(maker, "topic", _TURNED["topic"], SAFE)
        return
    base = _MORE_HARMFUL.get(section.file, 1) * _HARMFUL[name]
    yield from _made(maker, name, _count(section, maker.lines, base), label)
    if name == "ask":
        yield from _made(maker, "agree", _HARMFUL["answer"], label)
        yield from _made(maker, "about", _TURNED["about"], SAFE)
        yield from _made(maker, "refusal", _TURNED["refusal"], SAFE)


def every(_line: str) -> bool:
    """Keeps each phrase."""
    return True


def own_rows(seed: int = SEED, keep: Keep = every) -> list[Row]:
    """The rows of the phrase tables; the same seed gives the same rows.

    `keep` chooses the phrases and frames to use, so that others can be held out.
    """
    sections = all_sections()
    grammar = Grammar.of(sections, random.Random(seed), keep)
    rows: dict[str, Row] = {}
    for section in sections:
        for row in _of_section(section, grammar, keep):
            rows.setdefault(row.text, row)
    for label, form, text in passages(sections, grammar, keep):
        labels = () if label == SAFE else (label,)
        kind = f"{'unsafe' if labels else 'safe'}_{USER}"
        rows.setdefault(text, Row(text, labels, f"own_passages/{label}_{form}", kind))
    return list(rows.values())


def borrowed_rows(given: Sequence[Row], seed: int = SEED) -> list[Row]:
    """Safe rows: requests of the given safe texts, in the frames of the phrase tables.

    Without them the frames, which the given texts seldom have, would look like a hazard.
    """
    grammar = Grammar.of(all_sections(), random.Random(seed), every)
    verbs = {verb for line in grammar.slots["wish"] for verb in line.split()}
    wishes = []
    for row in given:
        first, _, rest = row.text.strip().rstrip(".!").partition(" ")
        fits = 12 <= len(row.text) <= 100 and "\n" not in row.text and "?" not in row.text
        if not row.labels and fits and rest and first.lower() in verbs:
            wishes.append(f"{first.lower()} {rest}")
    rows: dict[str, Row] = {}
    for wish in grammar.pick.choices(wishes, k=_BORROWED if wishes else 0):
        frame = grammar.pick.choice(grammar.frames[grammar.pick.choice(("ask", "ask", "question"))])
        text = _sentence(grammar.expand(frame.replace("{x}", "\0")).replace("\0", wish))
        text = _in_register(_addressed(text, grammar), grammar.pick)
        rows.setdefault(text, Row(text, (), "own_borrowed/safe_ask", f"safe_{USER}"))
    return list(rows.values())


def carried_rows(given: Sequence[Row], seed: int = SEED, keep: Keep = every) -> list[Row]:
    """A whole text of the tables inside a given safe one: unsafe where what is put in is."""
    sections = all_sections()
    grammar = Grammar.of(sections, random.Random(seed), keep)
    pick = grammar.pick
    inserted: dict[str, list[str]] = {}
    for part in sections:
        if part.name in ("say", *FORMS) and not is_foreign_file(part.file):
            inserted.setdefault(part.label, []).extend(line for line in part.lines if keep(line))
    carriers = [row.text for row in given if not row.labels and row.kind in _CARRIERS]
    labels = sorted(set(inserted) - {SAFE})
    rows: dict[str, Row] = {}
    for number in range(_CARRIED if carriers else 0):
        label = SAFE if number % 2 else pick.choice(labels)
        sentences = _SENTENCE.split(_part_of(pick.choice(carriers), pick))
        said = _sentence(grammar.expand(pick.choice(inserted[label])))
        sentences.insert(pick.randint(0, len(sentences)), said)
        text = " ".join(sentences)
        found = () if label == SAFE else (label,)
        kind = f"{'unsafe' if found else 'safe'}_{USER}"
        rows.setdefault(text, Row(text, found, f"own_carried/{label}", kind))
    return list(rows.values())


def repeated_rows(given: Sequence[Row], seed: int = SEED) -> list[Row]:
    """Safe rows: a word or sign of the given safe texts again and again, which says nothing."""
    texts = [row.text for row in given if not row.labels]
    made = repetitions(texts, random.Random(seed), _REPEATED if texts else 0)
    return [Row(text, (), "own_repeated/safe_say", f"safe_{USER}") for text in dict.fromkeys(made)]


def _part_of(text: str, pick: random.Random) -> str:
    """At most some hundred characters of a text, from the begin of a word."""
    if len(text) <= _CARRIER_LENGTH:
        return text
    start = pick.randrange(0, len(text) - _CARRIER_LENGTH)
    return text[start : start + _CARRIER_LENGTH].partition(" ")[2]


def is_written(row: Row) -> bool:
    """Whether a row is of the files of whole texts."""
    return row.family.removeprefix("own_") in WRITTEN


def is_own(row: Row) -> bool:
    """Whether the phrase tables made this row."""
    return row.kind.endswith((f"_{USER}", f"_{ASSISTANT}"))


def training_rows(
    data: Path | None = None, keep: Keep = every, without: Collection[str] = ()
) -> list[Row]:
    """All labelled rows, given and our own; labels S1 to S14, none where a text is safe.

    For measuring, phrases that `keep` refuses and given families in `without` are left out.
    """
    place = data or given_data()
    given, requests = (
        [row for row in read_rows(place / f"{name}.jsonl.gz") if row.family not in without]
        for name in ("content_train", "injection_train")
    )
    made = (
        *own_rows(SEED, keep),
        *borrowed_rows(requests),
        *carried_rows(requests, SEED, keep),
        *repeated_rows(requests),
    )
    rows = {row.text: row for row in made}
    for row in given:
        rows.pop(row.text, None)
    return given + list(rows.values())
