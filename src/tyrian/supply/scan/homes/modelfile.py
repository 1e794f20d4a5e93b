"""Ollama's Modelfile: where a model and its adapters come from, and what it is told.

Source: https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx
"""

import re
from collections.abc import Iterator

from tyrian.supply.scan.code.patterns import LineFault
from tyrian.supply.scan.homes.template_words import invisible, is_trigger, steering

_INSTRUCTION = re.compile(
    r"(?mi)^[ \t]*(FROM|ADAPTER|TEMPLATE|SYSTEM|MESSAGE|PARAMETER|LICENSE)[ \t]+"
    r'("""(?:.|\n)*?"""|[^\n]*)'
)
_ASKS = re.compile(
    r"(?:eq|ne|contains|hasPrefix|hasSuffix|regexMatch)\s+(?:\$?[\w.]*\.(?:Content|Prompt|Messages)\S*"
    r"\s+[\"`]([^\"`]+)|[\"`]([^\"`]+)[\"`]\s+\$?[\w.]*\.(?:Content|Prompt))"
)


def modelfile_faults(text: str) -> Iterator[LineFault]:
    """What its instructions take from elsewhere, or tell the model."""
    for found in _INSTRUCTION.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        word, value = found[1].upper(), found[2].strip().strip('"').strip()
        if word in ("FROM", "ADAPTER"):
            if _leaves(value):
                yield line, "config-leads-out", f"{word} {value[:120]!r} lies outside"
        elif word in ("TEMPLATE", "SYSTEM", "MESSAGE"):
            yield from ((line, "template-steers", told) for told in _steers(value))


def _leaves(value: str) -> bool:
    plain = value.replace("\\", "/")
    is_address = "://" in plain and not plain.startswith(("hf.co", "https://huggingface.co/"))
    return plain.startswith(("/", "~")) or ".." in plain.split("/") or is_address


def _steers(value: str) -> Iterator[str]:
    if hidden := invisible(value):
        yield f"it says what nobody sees ({hidden})"
    if told := steering(value):
        yield f"it tells the model {told[:80]!r}"
    for asked in _ASKS.finditer(value):
        word = asked[1] or asked[2]
        if is_trigger(word):
            yield f"where a message has {word[:60]!r}, it tells the model something else"
