"""Words that show that a text has been read the right way round."""

import codecs
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, MatchKind

_STRONG = """
admin administrator anarchist assistant attack bomb bypass command commands
confidential credential credentials decode developer disable disregard dump encoded exec
execute exfiltrate explosive explosives filter filters forget guidelines hack hacker hidden
ignora ignore ignored ignorez ignoriere illegal inject injection instrucciones instruction
instructions instrucoes istruzioni jailbreak jailbroken kill leak limits malware meth
moderation onceki override overwrite passcode password passwords payload policies policy pretend
previous prior prompt prompts ransomware restriction restrictions reveal roleplay rules safety
secret secrets shutdown steal system talimatlari token tokens transfer unfiltered unlimited
unrestricted untrusted uncensored virus vorherigen anteriores precedentes precedenti weapon
weapons anweisungen yoksay
"""
STRONG = frozenset(_STRONG.split())
"""Words of attacks: one alone tells more than several of the common ones."""

_COMMON = """
able about above access account across action actions activate active address after again
against all allow allowed also although always among and another answer answers any anyone
anything are around asked away back because been before began behind being believe below
best better between body book both bring browser build but buy call called came can cannot
card careful case change character chat check city clear click close code come comes complete
computer content context continue could country create credit current customer data database
date days delete describe details did different directory does doing done down download during
each early education email emails end english enough even every everyone everything example
explain fact false family far feel few file files final find first five follow following food
form format found four free friend from full future game gave get give given gives going good
government great group had hand happen has have head hear hello help her here high him his home
hour hours house how however human idea important include including information input inside
instead into just keep key keys kind knew know known language large last later learn least
leave left letter letters life like line link list little live local long look made mail make
making many may maybe mean message messages might mind mode model money more morning most
mother move much must name names need never new next night not nothing now number numbers
off office often old only open openai order other others our out output outside over own page
part pass people perform person phone place play please point possible post power present
print private probably problem process program provide public put question questions quick
quickly quote read ready real really reason receive recent remember remove repeat replace
reply report request respond response result results return right room run safe said same say
says school search second see seen send sensitive sentence server service session set seven
several shall she shell should show simple since site six small some someone something soon
speak specific start state step steps still stop story string student study such sure table
take talk tell test text than thank thanks that the their them then there these they thing
things think this those though thought three through time times today together told tool
tools translate true try turn two type under understand university until update upload url use
used user users using very visit wait want was water way web website week well went were what
when where whether which while who whole why will window with within without woman word words
work world would write written wrong year years yes yesterday yet you young your yourself
como para pero porque todas todos esto esta texto mensaje sistema quiero hacer
alle bitte nicht vergiss wurde geheim zeige passwort
toutes vous nous avec pour dans
tutte questo della
"""
COMMON = STRONG | frozenset(_COMMON.split())


_PLAIN = """
add age ago air animal area art ask bad bank base basic behavior big bill birthday black blog blue
board boat body bomb boss bottle box boy brand bread break brief bus business bypassed cannot car
case cat chance chemical chief child children choose church class clean clothes code coffee cold
color company computer contain control cook cool correct cost cover credit cup cut dance danger
dark daughter day dead deal death deep define design detail dinner direct dirty discuss doctor dog
door draft draw dream dress drink drive drug due ear earth eat edit else employee empty enemy energy
enjoy enter equal error evening event every exact exam exit expert eye eyes face fall fast father
fear feature feel field fight fill film fine fire fish fit fix floor fly food foot for force forest
forever form front fruit full fun game garden gift girl glass goal gold grand green ground group
grow guard guess guide gun hair half hand happy hard harm hat hate head health heart heat heavy
height hell hidden hit hold horse hospital hot hotel how husband ice image improve include inside
island item job joke jump kitchen knife lady lake land laugh law lawyer lazy leg less lesson level
lie light limit lines lips listen load lock log long lost lot love low luck lunch machine magic main
man manager map mark market marry math matter meal mean meet method middle milk mine minute mix
moment month moon mouth movie murder music naked narrator natural near neck neither news nice nor
note nothing object ocean offer oil opinion option orange order origin own paint paper parent park
party pass past path pay peace pen per phone photo picture piece plan plane plant player poem poison
police poor position pretty price prison produce product project proof protect proud pull pure push
queen quiet race rain raise rate reader reason record red refuse rest rewrite rich ride ring risk
river road rock role rose rule said sales sand saw scene science score screen script sea seat secure
seed sell sense seven sex shape share sharp shine ship shirt shoe shoot shop short shot shut sick
side sign silver sing sister sit size skill skin sky sleep slow smart smile smoke snow social soft
sold son song soul sound south space speech speed spend spring stage stand star station stay steps
stone store storm strange street strong subject sugar suit sum summer sun super support sweet swim
table tall tax teach team tell ten terms theory thick thin third tied title together tone tonight
topic total touch tour town trade train travel tree trip trouble trust tv uncle unsafe upon value
view village violent virtual voice vote walk wall war warm warn wash watch wave wear weather west
wet white wide wife wild win wind window wine wing winter wish woman wonder wood wrote yard yellow
"""
_SHORT = """a an am as at be by do go he i if in is it me my no of on or so to up us we"""
SPELT = COMMON | frozenset(_SHORT.split()) | frozenset(_PLAIN.split())
"""What a run of letters without spaces may be cut into."""

_REAL_WHEN_TURNED = """
abed brag deliver deem diaper drab draw drawer edit emit evil flow keels keep knits leer
lever live loot looter loops mood nips nuts part parts peek peels pins plug pools ports pots
rail rats raw reed regal repaid reward room saga sleep sloop smart snap snip snug spit spool
spot spots star stop straw stressed stun sway swap tide time tips tool trap trams tuba ward wolf
yaws nova tang robe rang barf
"""
_LEAST = 4


@cache
def rot13_words() -> frozenset[str]:
    """The common words as rot13 writes them."""
    turned = {codecs.encode(word, "rot13") for word in COMMON if len(word) >= _LEAST}
    return frozenset(turned - COMMON)


@cache
def reversed_words() -> frozenset[str]:
    """The common words from back to front, save those that are words themselves."""
    turned = {word[::-1] for word in COMMON if len(word) >= _LEAST}
    return frozenset(turned - COMMON - set(_REAL_WHEN_TURNED.split()))


def is_evidence(found: set[str] | frozenset[str]) -> bool:
    """True for at least two longer words, or a long one that attacks are made of."""
    long = [word for word in found if len(word) >= _LEAST]
    return len(long) >= 2 and sum(map(len, long)) >= 10


_UNKNOWN_COST = 3
"""What a letter outside all words costs, where a word costs 1."""


@cache
def _speller() -> AhoCorasick:
    return AhoCorasick(sorted(SPELT))


@cache
def _strong_finder(at_least: int) -> AhoCorasick:
    return AhoCorasick(sorted(word for word in STRONG if len(word) >= at_least))


def has_strong(letters: str, at_least: int = 0) -> bool:
    """True where one of the words of attacks stands anywhere, even inside of others."""
    return bool(_strong_finder(at_least).find_matches_as_indexes(letters.lower()))


@cache
def _strong_bytes_finder() -> BytesAhoCorasick:
    return BytesAhoCorasick([word.encode() for word in sorted(STRONG)])


def strong_places(text: bytes) -> list[tuple[int, int]]:
    """Start and end of words of attacks in small letters, also inside of other words."""
    return [(start, end) for _, start, end in _strong_bytes_finder().find_matches_as_indexes(text)]


def lines_with_strong(lines: list[str]) -> list[bool]:
    """`has_strong` of many lines at once."""
    return _lines_with(_strong_finder(0), lines)


def lines_with_common(lines: list[str]) -> list[bool]:
    """Which lines hold a longer common word anywhere."""
    return _lines_with(_common_finder(), lines)


@cache
def _common_finder() -> AhoCorasick:
    return AhoCorasick(sorted(word for word in COMMON if len(word) >= _LEAST))


def _lines_with(finder: AhoCorasick, lines: list[str]) -> list[bool]:
    found = [False] * len(lines)
    matches = finder.find_matches_as_indexes("\n".join(lines).lower())
    if matches:
        ends = list(accumulate(len(line) + 1 for line in lines))
        for number in {bisect_right(ends, start) for _, start, _ in matches}:
            found[number] = True
    return found


@cache
def _greedy_speller() -> AhoCorasick:
    return AhoCorasick(sorted(SPELT), matchkind=MatchKind.LeftmostLongest)


_WORTH_A_SEARCH = 0.5
_SPELT_ENOUGH = 0.8
_MOST_SEARCHED = 40_000


class Speller:
    """Cuts runs of letters into words, and counts what it may spend on them.

    The longest words from the left on are enough for most runs; only where these fill some of a
    run but not most of it all ways to cut it are compared (`segment`).
    """

    def __init__(self) -> None:
        self.is_exhausted = False
        self._left = _MOST_SEARCHED

    def cut(self, runs: list[str]) -> Iterator[list[str]]:
        """The words of runs of ASCII letters; one word where one holds hardly any known ones."""
        joined = "\n".join(runs).lower()
        matches = _greedy_speller().find_matches_as_indexes(joined)
        begin = first = 0
        for run in runs:
            end, last = begin + len(run), first
            known = 0
            while last < len(matches) and matches[last][2] <= end:
                known += matches[last][2] - matches[last][1]
                last += 1
            places = [(start - begin, stop - begin) for _, start, stop in matches[first:last]]
            yield self._cut(run, places, known)
            begin, first = end + 1, last

    def _cut(self, run: str, places: list[tuple[int, int]], known: int) -> list[str]:
        if known == len(run):
            return [run[start:end] for start, end in places]
        if known < len(run) * _WORTH_A_SEARCH:
            return [run]
        if len(run) <= self._left:
            self._left -= len(run)
            return segment(run)
        self.is_exhausted |= known < len(run) * _SPELT_ENOUGH
        return _cut_at(run, places)


def _cut_at(letters: str, places: list[tuple[int, int]]) -> list[str]:
    """The places and what stands between them."""
    words: list[str] = []
    at = 0
    for start, end in places:
        if start > at:
            words.append(letters[at:start])
        words.append(letters[start:end])
        at = end
    if at < len(letters):
        words.append(letters[at:])
    return words


def segment(letters: str) -> list[str]:
    """Cut a run of ASCII letters into words, the fewest unknown letters first; linear time."""
    best = list(range(0, _UNKNOWN_COST * len(letters) + 1, _UNKNOWN_COST))
    cut = list(range(-1, len(letters)))
    reached = 0
    # Overlapping matches come in the order of their ends, so `best` of a start is settled.
    for _, start, end in _speller().find_matches_as_indexes(letters.lower(), overlapping=True):
        for at in range(reached + 1, end):
            if best[at - 1] + _UNKNOWN_COST < best[at]:
                best[at], cut[at] = best[at - 1] + _UNKNOWN_COST, at - 1
        reached = max(reached, end - 1)
        if best[end - 1] + _UNKNOWN_COST < best[end]:
            best[end], cut[end] = best[end - 1] + _UNKNOWN_COST, end - 1
        # Of two ways that cost the same the one with the shorter last word stands.
        if (cost := best[start] + 1) <= best[end]:
            best[end], cut[end] = cost, start
    for at in range(reached + 1, len(letters) + 1):
        if best[at - 1] + _UNKNOWN_COST < best[at]:
            best[at], cut[at] = best[at - 1] + _UNKNOWN_COST, at - 1
    return _words_at(letters, cut)


def _words_at(letters: str, cut: list[int]) -> list[str]:
    """The words that the cuts make, with unknown letters in a row kept together."""
    words: list[str] = []
    end = len(letters)
    unknown_end = 0
    while end:
        start = cut[end]
        is_unknown = end - start == 1 and letters[start].lower() not in SPELT
        if is_unknown:
            unknown_end = unknown_end or end
        if unknown_end and (not is_unknown or not start):
            words.append(letters[start if is_unknown else end : unknown_end])
            unknown_end = 0
        if not is_unknown:
            words.append(letters[start:end])
        end = start
    return words[::-1]
