"""Misspelt words of attacks, spelt as they are meant.

A word is looked up by itself and with each of its letters left out, in a table that holds the known
words in the same way (symmetric deletes): two letters swapped, one too many, one missing or one
wrong meet there, at a cost linear in the text. Long words may have two slips.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from string import ascii_letters, digits

import numpy as np

from tyrian.text.haste import hasty_correction, split_anew
from tyrian.text.lexicon import lexicon, slips
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Source, members, runs_of
from tyrian.text.words import SPELT, STRONG

_LEAST, _LONGEST = 5, 16
_TWO_SLIPS = 9
"""Letters from which a word may have two."""
_LEAST_STRONG = 6
"""Shorter words of attacks are one letter away from too many innocent ones."""
_ENDINGS = ("s", "d", "r", "y", "n", "es", "ed", "er", "ly", "al", "ing", "ion")
"""What makes another word of a word rather than a misspelt one."""
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
_LEAST_SLOPPY, _SLOPPY = 2, 10
"""Misspelt words, and one in how many words they must be, to take a text for hastily typed."""
_MOST_ODD = 3
"""One word in so many must be a common one: in other texts nothing tells odd from misspelt."""
_LEAST_GLUED = 6
"""Letters of two words in one."""
_SAMPLED = 64
"""Odd words that are looked up to find whether a text is hastily typed."""
_REMEMBERED = 1 << 15
_seen: set[str] = set()
"""Words that stand for no other, as far as they were looked up: most texts have few new ones."""
_IS_CODE = members("%&#=/\\_@+<>" + digits)
"""What stands beside a word that is part of some code, not misspelt."""
_BLANK = np.full(1, 0x20, dtype=np.uint8)
_IS_LETTER = members(ascii_letters)


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


def _is_other_word(word: str, meant: str) -> bool:
    """True where one is the other with an ending."""
    short, long = sorted((word, meant), key=len)
    stem = short.removesuffix("e")
    return any(long in (short + ending, stem + ending) for ending in _ENDINGS)


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
                return None if _is_other_word(word, meant) else meant
    if len(word) + 1 < _TWO_SLIPS or _edges().isdisjoint((word[:3] + "-", "-" + word[-3:])):
        return None
    twice = [short[:at] + short[at + 1 :] for short in once for at in range(len(short))]
    if table.keys().isdisjoint(twice):
        return None
    for key in twice:
        meant = table.get(key)
        if meant and len(meant) >= _TWO_SLIPS:
            return None if _is_other_word(word, meant) else meant
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
    found = _misspelt(words)
    if _is_sloppy(found, len(words)) or _would_be_sloppy(words):
        rest = words - _KNOWN - found.keys()
        common = {word: meant for word in rest if (meant := _common_correction(word))}
        if _is_sloppy(common | found, len(words)):
            hasty = {w: meant for w in rest - common.keys() if (meant := _rest_corrected(w))}
            return common | hasty | found
    return found if any(meant in _proving() for meant in found.values()) else {}


@lru_cache(_REMEMBERED)
def _common_correction(word: str) -> str | None:
    """The word in common use that this one stands for, where it is no form of that."""
    meant = None if word in _REAL else lexicon().correction(word)
    return None if meant is None or _is_other_word(word, meant) else meant


def _rest_corrected(word: str) -> str | None:
    """What any other word stands for in a text that is known to be hastily typed."""
    found = hasty_correction(word)
    if found is None and len(word) >= _LEAST_GLUED:
        return " ".join(lexicon().parts(word) or ()) or None
    return found


def _is_sloppy(found: Mapping[str, str], words: int) -> bool:
    """Whether a text of so many words is hastily typed, by its misspelt ones."""
    slipped = sum(not _is_replaced(word, meant) for word, meant in found.items())
    return slipped >= _LEAST_SLOPPY and slipped * _SLOPPY >= words


def _would_be_sloppy(words: frozenset[str]) -> bool:
    """The same by some of the words that are in no list, where enough of the others are."""
    odd = words - _KNOWN - lexicon().known
    if (len(words) - len(odd)) * _MOST_ODD < len(words):
        return False
    step = -(-len(odd) // _SAMPLED) or 1
    some = {word: meant for word in sorted(odd)[::step] if (meant := _common_correction(word))}
    return _is_sloppy(some, len(words) // step)


def respelt_pieces(source: Source) -> Pieces:
    """Misspelt words as they are meant, where a word of attacks is among them or many are."""
    found = _corrections(source.vocabulary)
    if not found:
        return NONE
    starts, ends = runs_of(_IS_LETTER[source.data])
    framed = np.concatenate((_BLANK, source.data, _BLANK))
    is_code = _IS_CODE[framed[starts]] | _IS_CODE[framed[ends + 1]]
    starts, ends = starts[~is_code], ends[~is_code]
    text = source.raw.decode("latin-1").lower()
    spelt = [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    meant = [found.get(word, "") for word in spelt]
    if not _is_worth([word for word in meant if word]):
        return NONE
    # A blank that slipped by one letter spoils two words: they are put right together.
    is_apart = (ends[:-1] + 1 == starts[1:]) & (source.data[ends[:-1]] == _BLANK[0])
    for at in np.flatnonzero(is_apart).tolist():
        pair = split_anew(spelt[at], spelt[at + 1]) if spelt[at] else None
        if pair:
            meant[at], meant[at + 1], spelt[at + 1] = " ".join(pair), "", ""
            ends[at] = ends[at + 1]
    kept = np.fromiter(map(bool, meant), np.bool_, len(meant))
    return Pieces.of_texts(starts[kept], ends[kept], [word for word in meant if word])


def _is_replaced(word: str, meant: str) -> bool:
    """True where only letters were replaced: what tells two good words apart more often."""
    return len(word) == len(meant) and sorted(word) != sorted(meant)


def _is_worth(meant: Sequence[str]) -> bool:
    return len(meant) >= _LEAST_SLOPPY or not _proving().isdisjoint(meant)
