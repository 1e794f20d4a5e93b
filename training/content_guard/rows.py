"""Rows to learn content safety from: the given ones, and those made of the phrase tables.

Every hazard's phrases come with harmless twins in the same frames, so that neither the form nor
single words such as "kill" tell the two apart.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.content_guard.phrases import Grammar, Keep, Section, all_sections
from training.corpus import Row, read_rows
from training.inputs import given_data
from training.prompt_guard.generate import typos

SEED = 20262
SAFE = "safe"
USER, ASSISTANT = "user", "assistant"
_HARMFUL = {"ask": 240, "say": 200, "write": 110, "answer": 70, "topic": 40}
_SAFE = {"ask": 240, "say": 200, "write": 90, "answer": 70}
_TURNED = {"about": 90, "refusal": 50, "topic": 70}
"""How many texts are made per hazard and section, and of hazards turned harmless."""


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
        if name in ("ask", "about", "refusal", "write", "topic", "praise"):
            return _sentence(grammar.framed(name, self.phrase()))
        if name == "agree":
            return _sentence(grammar.framed("answer", self.phrase()))
        count = grammar.pick.choice((1, 1, 1, 2, 3))
        return " ".join(_sentence(grammar.expand(self.phrase())) for _ in range(count))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _addressed(text: str, grammar: Grammar) -> str:
    """What a user wrote, sometimes with words before or after that say nothing."""
    pick = grammar.pick
    if pick.random() < 0.18:
        text = f"{grammar.expand(pick.choice(grammar.slots['opening']))} {text}"
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
    source = f"own_{maker.section.file}/{SAFE if not labels else label}_{name}"
    for _ in range(count):
        text = maker.text(name)
        if turn == USER:
            text = _addressed(text, maker.grammar)
        text = _in_register(text, maker.grammar.pick)
        yield Row(text, labels, source, f"{'unsafe' if labels else 'safe'}_{turn}")


def _of_section(section: Section, grammar: Grammar, keep: Keep) -> Iterator[Row]:
    maker = _Maker(grammar, section, [line for line in section.lines if keep(line)])
    if not maker.lines or section.label in ("slot", "frame"):
        return
    name, label = section.name, section.label
    if label == SAFE:
        yield from _made(maker, name, _SAFE[name], SAFE)
        if name == "ask":
            yield from _made(maker, "agree", _SAFE["answer"], SAFE)
        return
    if name == "topic":
        yield from _made(maker, "praise", _HARMFUL["topic"], label)
        yield from _made(maker, "topic", _TURNED["topic"], SAFE)
        return
    yield from _made(maker, name, _HARMFUL[name], label)
    if name == "ask":
        yield from _made(maker, "agree", _HARMFUL["answer"], label)
        yield from _made(maker, "about", _TURNED["about"], SAFE)
        yield from _made(maker, "refusal", _TURNED["refusal"], SAFE)


def own_rows(seed: int = SEED, keep: Keep = lambda _line: True) -> list[Row]:
    """The rows of the phrase tables; the same seed gives the same rows.

    `keep` chooses the phrases and frames to use, so that others can be held out.
    """
    sections = all_sections()
    grammar = Grammar.of(sections, random.Random(seed), keep)
    rows: dict[str, Row] = {}
    for section in sections:
        for row in _of_section(section, grammar, keep):
            rows.setdefault(row.text, row)
    return list(rows.values())


def is_own(row: Row) -> bool:
    """Whether the phrase tables made this row."""
    return row.kind.endswith((f"_{USER}", f"_{ASSISTANT}"))


def training_rows(data: Path | None = None) -> list[Row]:
    """All labelled rows, given and our own; labels S1 to S14, none where a text is safe."""
    given = read_rows((data or given_data()) / "content_train.jsonl.gz")
    seen = {row.text for row in given}
    return given + [row for row in own_rows() if row.text not in seen]
