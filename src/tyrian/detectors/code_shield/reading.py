"""Finds the code in a text: fenced blocks, else the text itself where it is code."""

import re
from collections.abc import Iterator

from tyrian.detectors.code_shield.diff import added, is_diff, language_of_diff, typed
from tyrian.detectors.code_shield.fences import Block, blocks_of, unquoted
from tyrian.detectors.code_shield.guess import Guess, guesses
from tyrian.detectors.code_shield.languages import YAML_TAGS, language_of_tag
from tyrian.detectors.code_shield.piece import Piece
from tyrian.detectors.code_shield.prose import code_runs
from tyrian.detectors.code_shield.tokens import blank

_GUESSED = 0.85
_SECOND_GUESS = 0.75
_NO_CODE_TEXT = """
text txt plain plaintext output log logs csv tsv json json5 jsonc xml svg css scss
less toml ini latex tex math mermaid dot plantuml ascii none diagram http abnf bnf
regex url tree
"""
_NO_CODE = frozenset(_NO_CODE_TEXT.split())
_MARKUP = frozenset({"html", "htm", "xhtml", "vue", "svelte", "handlebars", "ejs", "jinja", "twig"})
_SCRIPT = r"(?i)<script\b[^>]{0,300}>([\s\S]*?)(?:</script|\Z)"
_PHP = "php"
_PHP_CODE = r"\A(?:(?!<\?)[\s\S])*?\?>|<\?(?!xml)[\s\S]*?(?:\?>|\Z)"
_AS_CPP = "cpp"
"""Code that looks like C is read as C++, whose rules hold those of C."""


def pieces_of(text: str, start: int = 0) -> Iterator[Piece]:
    """The code in a text that stands at `start` of the message; prose is left out."""
    blocks = blocks_of(text)
    if not blocks:
        yield from _untagged_text(text, start)
        return
    for block in blocks:
        yield from _of_block(block, text, start)


def _of_block(block: Block, text: str, start: int) -> Iterator[Piece]:
    code = text[block.start : block.end]
    if not code.strip():
        return
    if block.is_quoted:
        code = unquoted(code)
    place = block.start + start
    whole = (block.open_at + start, block.end + start)
    yield from read_code(code, block.tag, place, whole)


def read_code(
    code: str, tag: str, place: int = 0, whole: tuple[int, int] = (0, 0)
) -> Iterator[Piece]:
    """Code under a fence's tag, which may be empty or say too little."""
    if is_diff(tag, code):
        named = language_of_diff(tag, code)
        code, tag = added(code), named or ""
    language = language_of_tag(tag)
    if language is not None:
        yield Piece(typed(code, language), place, language, 1.0, whole)
        if language == _PHP and "<script" in code.lower():
            yield from _scripts(re.sub(_PHP_CODE, _blanked, code), place, whole)
    elif tag in _MARKUP:
        yield from _markup(code, place, whole)
    elif tag in YAML_TAGS:
        if any(guess.language == "kubernetes" for guess in guesses(code)):
            yield Piece(code, place, "kubernetes", 1.0, whole)
    elif tag not in _NO_CODE:
        yield from guessed(code, place, whole)


def guessed(code: str, place: int, whole: tuple[int, int] = (0, 0)) -> Iterator[Piece]:
    """Code of an unknown language, under the two likeliest ones."""
    for number, guess in enumerate(guesses(code)):
        language = _AS_CPP if guess.language == "c" else guess.language
        trust = _trust(guess, number)
        yield Piece(typed(code, language), place, language, trust, whole)


def _trust(guess: Guess, number: int) -> float:
    if number:
        return _SECOND_GUESS
    return 1.0 if guess.score >= 20 else _GUESSED


def _markup(code: str, place: int, whole: tuple[int, int]) -> Iterator[Piece]:
    """The scripts in a page; PHP where there is any."""
    if "<?php" in code or "<?=" in code:
        yield Piece(code, place, _PHP, 1.0, whole)
        code = re.sub(_PHP_CODE, _blanked, code)
    yield from _scripts(code, place, whole)


def _scripts(code: str, place: int, whole: tuple[int, int]) -> Iterator[Piece]:
    for match in re.finditer(_SCRIPT, code):
        if match[1].strip():
            yield Piece(match[1], place + match.start(1), "javascript", 1.0, whole)


def _blanked(match: re.Match[str]) -> str:
    return blank(match[0])


def _untagged_text(text: str, start: int) -> Iterator[Piece]:
    """A text without a fence: the runs of lines in it that are code."""
    for begin, end in code_runs(text):
        yield from read_code(text[begin:end], "", begin + start, (begin + start, end + start))
