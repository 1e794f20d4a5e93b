"""Texts that begin inside a string or a comment are read a second time, from its end."""

import re

from tyrian.detectors.code_shield.lexer import Lexed, blank, lex
from tyrian.detectors.code_shield.syntax import Syntax

_CODE_LINE = re.compile(r"[=(){};]")
_BLOCK_OPEN = "/*"


def second_reading(syntax: Syntax, first: Lexed) -> Lexed | None:
    """The text as one that opens inside a string; None where nothing speaks for it."""
    token, quote = first.unclosed, first.unclosed_quote
    if token is None or quote is None:
        return None
    head = first.text[: token.start]
    if not quote.is_multiline and "\n" in head:
        return None
    if _looks_like_code(head):
        return None
    return lex(syntax, first.text, quote)


def without_open_comment(syntax: Syntax, text: str) -> str:
    """The text with what stands before a block comment's end blank, if it opens inside one."""
    close = syntax.comment_close
    end = text.find(close) if close else -1
    if end < 0 or text.find(_BLOCK_OPEN, 0, end) >= 0:
        return text
    line = text.rfind("\n", 0, end) + 1
    if text[line:end].count('"') % 2 or text[line:end].count("'") % 2:
        return text
    end += len(close)
    return blank(text[:end]) + text[end:]


def _looks_like_code(head: str) -> bool:
    """Most of the lines before the string are code, so the text did not begin inside one."""
    lines = [line for line in head.splitlines() if line.strip()]
    code = sum(bool(_CODE_LINE.search(line)) for line in lines)
    return 2 * code > len(lines) and len(lines) > 1
