"""The programs in an answer: its fenced blocks, or all of it where it has none."""

from typing import NamedTuple

from tyrian.detectors.code_shield.fences import blocks_of
from tyrian.detectors.code_shield.languages import language_of_tag


class Program(NamedTuple):
    """A piece of code, and the language that its fence names (empty for none)."""

    code: str
    language: str


def programs_of(text: str) -> list[Program]:
    """Fenced blocks in order; empty where the text has none."""
    found = [
        Program(text[block.start : block.end], language_of_tag(block.tag) or block.tag.lower())
        for block in blocks_of(text)
    ]
    return [program for program in found if program.code.strip()]


def in_language(text: str, language: str) -> str:
    """The blocks in one language, or those without a name, joined; empty where there are none."""
    found = programs_of(text)
    of_language = [p.code for p in found if p.language == language]
    return "\n".join(of_language or [p.code for p in found if not p.language])
