"""Rows as people type them: one case only, slips of the finger, inside of quotes or markup."""

import random

_TYPOS = 0.2
_RATES = (1 / 30, 1 / 18, 1 / 10)
"""Slips for each letter: from careful to hasty."""
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
