"""Texts to time detectors on: ordinary ones of any length, and hostile ones of a megabyte.

Ordinary texts are prose in four languages, code, lists and a little data, put together from a
fixed seed. Hostile ones are the shapes that make naive expressions and normalisers slow down.
"""

import base64
import random
from collections.abc import Callable, Mapping

_PROSE = (
    "The committee met on Tuesday to look at the new timetable and asked for two small changes.",
    "Could you write a short summary of the report and list the three risks that matter most?",
    "She planted beans along the fence, watered them at dusk, and waited for the first rain.",
    "Der Zug hält in jedem Dorf, und trotzdem kommt er pünktlich in der Stadt an.",
    "Le marché ouvre à sept heures ; les étals près du pont vendent surtout des légumes d’été.",
    "会议改到星期四下午三点，请把材料提前发给大家。",
    "Compare these two designs: which one is easier to test, and what would you measure first?",
    "Our customers ask how long the delivery takes, and whether they can change the address.",
)
_DATA = (
    "Write to harbour.office@example.org or ring +44 20 7946 0958 before noon.",
    "See https://docs.example.com/guides/setup?lang=en#install for the whole procedure.",
    "The order 2026-11-0042 was 3 x 14.90 EUR, paid on 12/03/2026 from 192.0.2.17.",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixed the rounding of totals.",
)
_CODE = (
    "def total(rows):\n    return sum(row['price'] * row['count'] for row in rows)\n",
    "for (const item of items) {\n  if (!seen.has(item.id)) queue.push(item);\n}\n",
    "SELECT name, count(*) FROM visits WHERE day > '2026-01-01' GROUP BY name;\n",
    "| step | owner | done |\n|------|-------|------|\n| draft | Ana | yes |\n",
)


def ordinary(chars: int, seed: int) -> str:
    """A text of exactly that many characters; another one for every seed."""
    dice = random.Random(seed)
    pieces: list[str] = []
    length = 0
    while length < chars:
        kind = dice.random()
        source = _PROSE if kind < 0.8 else _CODE if kind < 0.9 else _DATA
        piece = f"{dice.choice(source)} " if kind < 0.97 else f"{dice.randrange(10**6)}. "
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)[:chars]


def _fill(unit: str) -> Callable[[int], str]:
    def make(size: int) -> str:
        width = len(unit.encode())
        return unit * (size // width)

    return make


def _nested_base64(size: int) -> str:
    data = b"ordinary words, wrapped again and again. " * (size // 120)
    while len(data) * 4 // 3 < size:
        data = base64.b64encode(data)
    return data.decode()


def _random_hex(size: int) -> str:
    return random.Random(7).randbytes(size // 2).hex()


def _random_words(size: int) -> str:
    blob = base64.urlsafe_b64encode(random.Random(8).randbytes(size)).decode()
    return " ".join(blob[i : i + 40] for i in range(0, size, 40))[:size]


def _zalgo(size: int) -> str:
    return "a" + "\u0301\u0327\u0308" * (size // 6)


HOSTILE: Mapping[str, Callable[[int], str]] = {
    "dotted name, no @": _fill("a."),
    "e-mail beginnings": _fill("a@"),
    "one long word": _fill("a"),
    "blanks": _fill(" "),
    "line ends": _fill("\n"),
    "digits": _fill("4"),
    "card-like digits": _fill("4111 1111 1111 1112 "),
    "phone-like digits": _fill("+1 (212) 555-01"),
    "key prefixes": _fill("AKIA sk- ghp_ xoxb- eyJ "),
    "key heads, no end": _fill("-----BEGIN RSA PRIVATE KEY-----\n"),
    "quoted assignments": _fill("password='"),
    "open brackets": _fill("["),
    "open images": _fill("![]("),
    "image heads": _fill("![a](http://a.b/?q="),
    "URL heads": _fill("http://"),
    "tags": _fill("<a href='"),
    "letter-spaced": _fill("i g n o r e "),
    "zero-width": _fill("a\u200b"),
    "tag characters": _fill("\U000e0061"),
    "bidi controls": _fill("\u202e\u2066"),
    "combining marks": _zalgo,
    "NFKC expansion": _fill("\ufdfa"),
    "confusables": _fill("іgnоrе аll "),
    "emoji joiners": _fill("👩\u200d"),
    "base64, nested": _nested_base64,
    "random hex": _random_hex,
    "random words": _random_words,
    "percent escapes": _fill("%41%6"),
    "HTML entities": _fill("&#x41;&amp;"),
    "backslash escapes": _fill("\\u0041\\x4"),
}
"""Hostile texts by name; each function makes one of about so many UTF-8 bytes."""
