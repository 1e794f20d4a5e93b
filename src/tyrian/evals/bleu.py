"""BLEU of one text against one other, as upstream reports it beside instruct and autocomplete.

Papineni and others (2002), with the tokens of mteval-v13a and exponential smoothing: what sacrebleu
gives for `corpus_bleu([text], [[reference]])`. It says how near a program is to a known one, and
nothing of whether it is right.
"""

import re
from collections import Counter
from collections.abc import Sequence
from math import exp, log

_ORDER = 4
_SPLITS = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def bleu(text: str, reference: str) -> float:
    """From 0 to 100."""
    said, known = _tokens(text), _tokens(reference)
    right = [_shared(said, known, n) for n in range(1, _ORDER + 1)]
    total = [max(0, len(said) - n + 1) for n in range(1, _ORDER + 1)]
    if not any(right):
        return 0.0
    smooth, precisions = 1.0, [0.0] * _ORDER
    for at, (hits, of) in enumerate(zip(right, total, strict=True)):
        if of == 0:
            break
        if hits == 0:
            smooth *= 2
            precisions[at] = 100.0 / (smooth * of)
        else:
            precisions[at] = 100.0 * hits / of
    brevity = exp(1 - len(known) / len(said)) if len(said) < len(known) else 1.0
    logs = (log(p) if p else -9999999999 for p in precisions)
    return brevity * exp(sum(logs) / _ORDER)


def _tokens(text: str) -> list[str]:
    line = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in line:
        for name, sign in _ENTITIES:
            line = line.replace(name, sign)
    line = f" {line} "
    for pattern, put in _SPLITS:
        line = pattern.sub(put, line)
    return line.split()


def _shared(said: Sequence[str], known: Sequence[str], n: int) -> int:
    of_said = Counter(tuple(said[i : i + n]) for i in range(len(said) - n + 1))
    of_known = Counter(tuple(known[i : i + n]) for i in range(len(known) - n + 1))
    return sum((of_said & of_known).values())
