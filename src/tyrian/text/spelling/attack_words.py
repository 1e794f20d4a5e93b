"""Words of attacks with a slip or two, each by itself.

A word is looked up by itself and with each of its letters left out, in a table that holds the known
words in the same way (symmetric deletes): two letters swapped, one too many, one missing or one
wrong meet there, at a cost linear in the text. Long words may have two slips.
"""

from collections.abc import Iterator
from functools import cache

from tyrian.text.spelling.channel import is_other_word
from tyrian.text.spelling.slips import slips
from tyrian.text.words import SPELT, STRONG

_LEAST, _LONGEST = 5, 16
_TWO_SLIPS = 9
"""Letters from which a word may have two."""
_LEAST_STRONG = 6
"""Shorter words of attacks are one letter away from too many innocent ones."""
_MORE_WORDS = """
abandon aloud apology append assume attach audit auditor authorised authorized backwards banking
base beginning boundaries calendar caution censored censorship character characters classified
codeword comply condition conditions configuration confirm consent constraint constraints contacts
contents conversation criminal dangerous debug default defaults definitely delete detailed
developers dialogue direction directions directive directives disabled disclaimer disclaimers
disclose display drug drugs emergency encode entire entirely ethical ethics exactly execution
explicit extract fictional forgetting forward fully grandma grandmother guardrails guideline
hackers harmful hypothetical identity ignores ignoring illegally immediately immoral inbox initial
instructed instructing invoice jail kidnap launder letters limitation limitations limitless lines
literally maintenance manufacture marketing master maximum memory method moral morals morse murder
narcotics nothing obey operator operators orders origin original originally output override
overrides passcode passphrase passphrases passwort payment permission persona phishing phrase
phrases plaintext poison possible preceding preset pretending prevent previously privileged
procedure programming prohibited protect protected protocol protocols purchase recipe recite
refusal refuse refuses regardless reminder repeatedly replacement reset respond responses restart
restrict restricted retrieve revealed reveals reverse role sabotage scenario security sentences
sequence setting settings simulate simulation specified spell steal stealing stolen supervisor
synthesis synthesize tell terminal terrorist transaction unethical unfiltered unlock upload vault
verbatim verification verify violate violence warnings weapons word written
"""
SPELT_RIGHT = SPELT | frozenset(_MORE_WORDS.split())
"""Words that are spelt right, and that misspelt ones may stand for."""
_NEAR_WORDS = """
administration admit anwendungen archivist assailant assistance assistant assistants assisting
attach attacked attacker attackers attend bidden bypassed bypasses command commando commend
compass confidence confidentially confidently consistent construction constructions credence
credential decade decide decoder decrees derivation destruction developed developing develops
direction directions discard discarded disregarded disrepair distinction distraction distractions
encoder envelope enveloped envelops evidential exclusive exclusively expensive exploitation
exploited explosion explosions extend extensive federation filler filtered fitter forge forged
forges forgets forgetting forgot forgotten guideline hacked hid hides hiding hinder ignited
ignites igniting ignorant imitation imitations inception infect infecting infection infiltrate
initial initiation injections injunction insect insertion insistent inspection institution
institutions instruct instructed instructing instructional instructive instructor instructors
instructs intend
intended intention interaction interactions introduction introductions invention limitation
limitations limited moderated moderator moderators obstruction operation operations overbite
overhead overrated overridden overrides overrode overwritten passports passwort persistent
policed polices polity portend precedent precious predential prepend presently
presidential pretended pretends pretense pretext preview previews previously prevision prevue
prior priory promote promoted prompted prompter promptly regard rejection repeal repulsive
residential resistant restoration restorations restricted restricting restrictive retribution
revealed revealing reveals revel revels reviewed ridden roles romps ruled ruler rulers safely
safest saves secrete secreted secretes secretly sectors sister steam steel surpass systemic taken
tokens trusted unaltered unlicensed untested weapon weaponry
"""
REAL = frozenset(_NEAR_WORDS.split())
"""Words that are near one of attacks and right as they stand."""
_DOUBTFUL_WORDS = """
admin anarchist anteriores attack attacks command commands decode encoded execute exfiltrate
explosive explosives filter filters hacker ignora ignorez injection instrucciones instrucoes
istruzioni limits moderation precedentes precedenti rules safety steal token tokens unlimited
untrusted virus
"""
_DOUBTFUL = frozenset(_DOUBTFUL_WORDS.split())
"""Words of attacks with too many neighbours to prove anything by a misspelling."""
_REMEMBERED = 1 << 15
_seen: set[str] = set()
"""Words that stand for no other, as far as they were looked up: most texts have few new ones."""


def _shortened(word: str) -> Iterator[str]:
    """The word with each letter left out."""
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def _keys(word: str) -> set[str]:
    """What a word is found by."""
    once = {word, *_shortened(word)}
    if len(word) < _TWO_SLIPS:
        return once
    return once.union(*(set(_shortened(short)) for short in once if len(short) < len(word)))


@cache
def _meant() -> dict[str, str]:
    """Known words by their keys; words of attacks first, then the shorter ones."""
    table: dict[str, str] = {}
    known = [word for word in SPELT_RIGHT if _LEAST <= len(word) <= _LONGEST]
    for word in sorted(known, key=lambda w: (w not in STRONG, len(w), w)):
        for key in _keys(word):
            table.setdefault(key, word)
    return table


@cache
def _edges() -> frozenset[str]:
    """How words that may have two slips begin and end: nearly always one of the two is kept."""
    long = [word for word in SPELT_RIGHT if _TWO_SLIPS <= len(word) <= _LONGEST]
    return frozenset({word[:3] + "-" for word in long} | {"-" + word[-3:] for word in long})


def _correction(word: str) -> str | None:
    """The known word that a misspelt one stands for."""
    if word in REAL:
        return None
    table = _meant()
    once = list(_shortened(word))
    if word in table or not table.keys().isdisjoint(once):
        for key in (word, *once):
            meant = table.get(key)
            if meant and (len(meant) >= _TWO_SLIPS or slips(word, meant) <= 1):
                return None if is_other_word(word, meant) else meant
    if len(word) + 1 < _TWO_SLIPS or _edges().isdisjoint((word[:3] + "-", "-" + word[-3:])):
        return None
    twice = [short[:at] + short[at + 1 :] for short in once for at in range(len(short))]
    if table.keys().isdisjoint(twice):
        return None
    for key in twice:
        meant = table.get(key)
        if meant and len(meant) >= _TWO_SLIPS:
            return None if is_other_word(word, meant) else meant
    return None


@cache
def proving() -> frozenset[str]:
    """Words of attacks of which one alone shows that it is worth to read on."""
    return frozenset(word for word in STRONG - _DOUBTFUL if len(word) >= _LEAST_STRONG)


def misspelt(words: frozenset[str]) -> dict[str, str]:
    """The misspelt ones and what they stand for; others are looked up once in a long while."""
    odd = words - SPELT_RIGHT - _seen
    if len(_seen) >= _REMEMBERED:
        _seen.clear()
    found: dict[str, str] = {}
    for word in odd:
        if len(word) > _LONGEST + 1:
            continue
        if len(word) >= _LEAST - 1 and word.isascii() and (meant := _correction(word)):
            found[word] = meant
        elif len(_seen) < _REMEMBERED:
            _seen.add(word)
    return found
