"""Texts that begin inside a string or a comment are read a second time, from its end."""

import re

from tyrian.detectors.code_shield.lexer import lex
from tyrian.detectors.code_shield.prose import is_code
from tyrian.detectors.code_shield.syntax import Quote, Syntax
from tyrian.detectors.code_shield.tokens import Lexed, blank

_BLOCK_OPEN = "/*"
_NEAR = 6
"""Lines before a quote that tell whether it opens or closes."""
_MOST_LINES = 12
_LEAST_STATEMENTS = 2
_STATEMENT = (
    r"\s*(?:(?:def|class|if|elif|for|while|with|except)\b[^\n]{0,200}:\s*$|(?:try|else|finally):"
    r"|(?:return|raise|yield|assert|import|from \w[\w.]* import)\b"
    r"|[A-Za-z_][\w.]{0,60}(?:\[[^\]\n]{0,60}\])?\s*[-+]?=\s*\S|[A-Za-z_][\w.]{0,60}\(|@\w)"
)
_WORD = re.compile(r"[A-Za-z]")
_NO_CODE = r"\s*(?:>>>|\.\.\.|:\w+|@(?:param|return|type|rtype|raise)|[-*] |\w+:\s*$)"


def second_reading(syntax: Syntax, first: Lexed) -> Lexed | None:
    """The text as one that opens inside a string; None where nothing speaks for it."""
    if not first.comments and not _holds_code(first):
        return None
    raw = syntax.raw
    if raw is not None and _is_within_raw(raw, first.text):
        return lex(syntax, first.text, raw)
    start, quote = _suspect(syntax, first)
    if quote is None or start < 0:
        return None
    head = first.text[:start]
    if not quote.is_multiline and "\n" in head:
        return None
    if not head.strip() or _looks_like_code(head):
        behind = first.text[start + len(quote.close) :] if quote.is_multiline else ""
        if not behind or behind.count(quote.close) % 2 or not _is_statements(behind):
            return None
    return lex(syntax, first.text, quote)


def _holds_code(first: Lexed) -> bool:
    """Whether a word stands in a string, which is all that a second reading could bring out."""
    text = first.text
    return any(
        token.body_end > token.body_start and _WORD.search(text, token.body_start, token.body_end)
        for token in first.strings
    )


def _suspect(syntax: Syntax, first: Lexed) -> tuple[int, Quote | None]:
    """The quote that may close a string from before the text."""
    block, quote = -1, None
    for one in syntax.quotes:
        if len(one.close) == 3 and one.is_multiline and not one.holes:
            at = first.text.find(one.close)
            if at >= 0 and (block < 0 or at < block):
                block, quote = at, one
    if quote is not None:
        return block, quote
    token, quote = first.unclosed, first.unclosed_quote
    if token is None or quote is None:
        return -1, None
    # Where strings go over lines, the one without a partner is the first and not the last.
    return (_first_of(quote, first) if quote.is_multiline else token.start), quote


def _is_within_raw(raw: Quote, text: str) -> bool:
    """The end of a raw string comes before any beginning of one, and is no string of its own."""
    match = re.search(re.escape(raw.close) + r"(?=#*[\s,;)\].?])", text)
    if match is None or re.search(raw.open, text[: match.start()]):
        return False
    head = text[: match.start()]
    is_alone = not head[head.rfind("\n") + 1 :].strip()
    return is_alone or (not head[-1:].isspace() and head[-1] not in "(=,[&{+")


def _first_of(quote: Quote, first: Lexed) -> int:
    for token in first.strings:
        if first.text.startswith(quote.close, token.start):
            return token.start
    return -1


def _is_statements(behind: str) -> bool:
    """What stands behind a quote that has no partner is code, so that it closes a string."""
    lines = [line for line in behind[:2000].splitlines()[1:] if line.strip()][:_MOST_LINES]
    code = sum(1 for line in lines if re.match(_STATEMENT, line))
    return code >= _LEAST_STATEMENTS and 3 * code >= len(lines)


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
    """Most of the lines before the quote are code, so that it opens a string."""
    lines = [line for line in head[-2000:].splitlines() if line.strip()][-_NEAR:]
    code = sum(1 for line in lines if not re.match(_NO_CODE, line) and is_code(line))
    last = lines[-1]
    is_opened = last.rstrip().endswith(("(", "=", ",", "return", "+"))
    return 2 * code >= len(lines) or is_opened or (not re.match(_NO_CODE, last) and is_code(last))
