"""Misspelt words of attacks, spelt as they are meant.

A word is looked up by itself and with each of its letters left out, in a table that holds the known
words in the same way (symmetric deletes): two letters swapped, one too many, one missing or one
wrong meet there, at a cost linear in the text. Long words may have two slips.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

import numpy as np

from tyrian.text.haste import split_anew
from tyrian.text.lexicon import lexicon
from tyrian.text.mend import (
    LEAST_SLOPPY,
    SLOPPY,
    is_one_slip,
    is_other_word,
    is_plain_slip,
    is_replaced,
    is_sloppy,
    mended,
)
from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.slips import slips
from tyrian.text.source import Bools, Bytes, Source, counts_in, members, runs_of
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
_KNOWN = SPELT | frozenset(_MORE_WORDS.split())
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
_REAL = frozenset(_NEAR_WORDS.split())
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
_IS_CODE = members("%&#=/\\_@+<>" + digits)
"""What stands beside a word that is part of some code, not misspelt."""
_BLANK = np.full(1, 0x20, dtype=np.uint8)
_IS_LETTER = members(ascii_letters)
_IS_UPPER = members(ascii_uppercase)
_IS_LOWER = members(ascii_lowercase)
_BEFORE_SENTENCE = members(".!?:;\n\r\t -*'\"")
"""What stands two characters before the first word of a sentence."""
_LONGEST_ACRONYM = 5


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
    known = [word for word in _KNOWN if _LEAST <= len(word) <= _LONGEST]
    for word in sorted(known, key=lambda w: (w not in STRONG, len(w), w)):
        for key in _keys(word):
            table.setdefault(key, word)
    return table


@cache
def _edges() -> frozenset[str]:
    """How words that may have two slips begin and end: nearly always one of the two is kept."""
    long = [word for word in _KNOWN if _TWO_SLIPS <= len(word) <= _LONGEST]
    return frozenset({word[:3] + "-" for word in long} | {"-" + word[-3:] for word in long})


def _correction(word: str) -> str | None:
    """The known word that a misspelt one stands for."""
    if word in _REAL:
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
def _proving() -> frozenset[str]:
    """Words of attacks of which one alone shows that it is worth to read on."""
    return frozenset(word for word in STRONG - _DOUBTFUL if len(word) >= _LEAST_STRONG)


def _misspelt(words: frozenset[str]) -> dict[str, str]:
    """The misspelt ones and what they stand for; others are looked up once in a long while."""
    odd = words - _KNOWN - _seen
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


def _corrections(words: frozenset[str]) -> dict[str, str]:
    """Misspelt words and what they stand for, where that is worth to be read.

    It is where a word of attacks is among them, and where so many are misspelt that the others of
    these words must be taken for it.
    """
    known = lexicon().known
    found = {w: m for w, m in _misspelt(words).items() if w not in known or m in STRONG}
    odd = words - _KNOWN - _REAL - known
    if is_sloppy(odd, found, words):
        return {**found, **mended(odd, found)}
    slipped = sum(not is_replaced(word, meant) for word, meant in found.items())
    is_many = slipped >= LEAST_SLOPPY and slipped * SLOPPY >= len(words)
    return found if is_many or not _proving().isdisjoint(found.values()) else {}


def respelt_pieces(source: Source) -> Pieces:
    """Misspelt words as they are meant, where a word of attacks is among them or many are."""
    found = _corrections(source.vocabulary)
    if not found:
        return NONE
    starts, ends = runs_of(_IS_LETTER[source.data])
    framed = np.concatenate((_BLANK, source.data, _BLANK))
    is_code = _IS_CODE[framed[starts]] | _IS_CODE[framed[ends + 1]]
    is_code |= _has_humps(source.data, starts, ends)
    starts, ends = starts[~is_code], ends[~is_code]
    text = source.raw.decode("latin-1").lower()
    spelt = [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    meant = [found.get(word, "") for word in spelt]
    for at in np.flatnonzero(_is_name(source.data, starts, ends)).tolist():
        if meant[at] not in STRONG and not is_plain_slip(spelt[at], meant[at]):
            meant[at] = ""
    if not _is_worth({word: right for word, right in zip(spelt, meant, strict=True) if right}):
        return NONE
    # A blank that slipped by one letter spoils two words: they are put right together.
    is_apart = (ends[:-1] + 1 == starts[1:]) & (source.data[ends[:-1]] == _BLANK[0])
    for at in np.flatnonzero(is_apart).tolist():
        if not spelt[at]:
            continue
        pair = split_anew(spelt[at], spelt[at + 1])
        if pair and (
            SPELT.issuperset(pair) or not is_one_slip(spelt[at : at + 2], meant[at : at + 2])
        ):
            meant[at], meant[at + 1], spelt[at + 1] = " ".join(pair), "", ""
            ends[at] = ends[at + 1]
    kept = np.fromiter(map(bool, meant), np.bool_, len(meant))
    starts, ends = starts[kept], ends[kept]
    places = zip(starts.tolist(), ends.tolist(), filter(None, meant), strict=True)
    text = source.raw.decode("latin-1")
    return Pieces.of_texts(starts, ends, [_in_case_of(text[a:b], right) for a, b, right in places])


def _is_worth(meant: Mapping[str, str]) -> bool:
    is_enough = len(meant) >= LEAST_SLOPPY or not _proving().isdisjoint(meant.values())
    return is_enough or any(is_plain_slip(word, right) for word, right in meant.items())


def _has_humps(data: Bytes, starts: Index, ends: Index) -> Bools:
    """Words with a capital after a small letter: names in programs."""
    is_hump = np.zeros(len(data), dtype=np.bool_)
    is_hump[1:] = _IS_UPPER[data[1:]] & _IS_LOWER[data[:-1]]
    found: Bools = counts_in(is_hump, starts, ends) > 0
    return found


def _is_name(data: Bytes, starts: Index, ends: Index) -> Bools:
    """Words that stand inside a sentence with a capital, and short ones in capitals."""
    is_upper = _IS_UPPER[data]
    capitals = counts_in(is_upper, starts, ends)
    is_first = _BEFORE_SENTENCE[np.concatenate((_BLANK, _BLANK, data))[starts]]
    is_acronym = (capitals == ends - starts) & (capitals <= _LONGEST_ACRONYM)
    named: Bools = (capitals == 1) & is_upper[starts] & ~is_first
    return named | is_acronym if 2 * int(capitals.sum()) < len(data) else named


def _in_case_of(word: str, meant: str) -> str:
    """The right word with the capitals of the misspelt one."""
    if word.isupper() and len(word) > 1:
        return meant.upper()
    return meant[:1].upper() + meant[1:] if word[:1].isupper() else meant
