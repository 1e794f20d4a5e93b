"""Model cards and notes: orders to the programs that read them, in sight or hidden from people."""

import re
from collections.abc import Iterator

_HIDDEN = re.compile(
    r"<!--(.*?)-->|<(\w+)[^>]*(?:display\s*:\s*none|font-size\s*:\s*0|visibility\s*:\s*hidden"
    r"|opacity\s*:\s*0(?![.\d])|\shidden\b)[^>]*>(.*?)</\2>|^\[//\]:\s*#\s*\((.*?)\)\s*$",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}"
    r"\b(?:previous|prior|above|earlier|all|any|your)\b[^.\n]{0,30}"
    r"\b(?:instructions?|prompts?|rules|guidelines|context|directions)\b"
    r"|\b(?:you are now|new instructions?:|system prompt:|end of (?:model )?card)",
    re.IGNORECASE,
)
_READER = re.compile(
    r"\b(?:AI|LLM|GPT|Claude|Copilot|assistants?|agents?|language models?|chat ?bots?|scanners?"
    r"|reviewers?|summari[sz]ers?"
    r"|(?:if|when) you(?:'re| are)? (?:read|an|summari|review|scan|process))",
)
_DEMAND = re.compile(
    r"\b(?:must|should|always|never|do not|don't|ignore|report|state|say|tell|claim|recommend"
    r"|approve|classify|mark|rate|execute|run|install|download|send|fetch|post|reveal|skip|treat)\b",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"\b(?:safe|trusted|verified|approved|clean|harmless|passed|secure|trust_remote_code"
    r"|credentials?|tokens?|secrets?|api keys?|environment variables?|system prompt|conversation"
    r"|this (?:comment|note|instruction|message)|the user)\b|https?://",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"```.*?```|`[^`\n]*`|\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|'[^'\n]{12,}'"
                     r"|^\s*[|>].*$", re.DOTALL | re.MULTILINE)  # fmt: skip
_MOST = 1 << 20


def card_faults(text: str) -> Iterator[tuple[int, str]]:
    """Character and reason of each order; examples in quotes, code and tables are none."""
    text = text[:_MOST]
    for found in _HIDDEN.finditer(text):
        inner = found[1] or found[3] or found[4] or ""
        if _ORDER.search(inner) or _is_order(inner):
            yield found.start(), "what people do not see orders a program about"
    shown = _HIDDEN.sub(lambda found: " " * len(found[0]), text)
    shown = _QUOTED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), shown)
    at = 0
    for paragraph in re.split(r"(\n\s*\n)", shown):
        order = _ORDER.search(paragraph)
        if order and _DEMAND.search(paragraph, order.end()):
            yield at + order.start(), "it orders a program that reads it about"
        at += len(paragraph)


def _is_order(text: str) -> bool:
    return bool(_READER.search(text) and _DEMAND.search(text) and _TARGET.search(text))
