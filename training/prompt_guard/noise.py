"""Rows as people type them: one case only, slips of the finger, inside of quotes or markup."""

import random
from collections.abc import Sequence
from dataclasses import replace

from training.corpus import Row

_TYPOS = 0.2
_RATES = (1 / 30, 1 / 18, 1 / 10)
"""Slips for each letter: from careful to hasty."""
HASTY = 1500
"""Given rows of each side that are typed in haste."""
_SHORT = 300
"""Characters of the longest of them."""
_WRAPPED = 0.05
_WRAPS = (
    "<p style='display:none'>{}</p>",
    '<div class="text">{}</div>',
    "<span hidden>{}</span>",
    "<li>{}</li>",
    "<!-- {} -->",
    '"{}"',
    "> {}",
    "```\n{}\n```",
    "[{}]",
    "**{}**",
    "/* {} */",
    '{{"text": "{}"}}',
)
_CASES = ((0.10, str.lower), (0.12, str.upper))


def typos(text: str, pick: random.Random, rate: float = 1 / 18) -> str:
    """The text with a few slips of the finger."""
    letters = list(text)
    for _ in range(max(1, int(len(letters) * rate))):
        at = pick.randrange(max(1, len(letters) - 1))
        slip = pick.randrange(3)
        if slip == 0:
            letters[at : at + 2] = letters[at : at + 2][::-1]
        elif slip == 1:
            del letters[at : at + 1]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)


def hasty(rows: Sequence[Row], seed: int) -> list[Row]:
    """Some short rows of both sides with slips of the finger, so that slips tell nothing."""
    pick = random.Random(seed)
    found = []
    for side in ("attack", "benign"):
        short = [r for r in rows if len(r.text) <= _SHORT and bool(r.labels) == (side == "attack")]
        for row in pick.sample(short, min(HASTY, len(short))):
            text = typos(row.text, pick, pick.choice(_RATES))
            found.append(replace(row, text=text, source=f"gen_hasty_{side}", focus=None))
    return found


def noisy(text: str, pick: random.Random) -> str:
    """The text as it comes in: now and then in one case, with slips, or wrapped."""
    chance = pick.random()
    for limit, change in _CASES:
        if chance < limit:
            text = change(text)
            break
    if pick.random() < _TYPOS:
        text = typos(text, pick, pick.choice(_RATES))
    return pick.choice(_WRAPS).format(text) if pick.random() < _WRAPPED else text
