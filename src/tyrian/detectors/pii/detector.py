"""Personal data in a text: one pass per kind over the bytes, validators only at hits."""

import re
from collections.abc import Iterable, Iterator

import phonenumbers

from tyrian.core.detection import Detection, DetectorInfo, Finding, View
from tyrian.core.registry import DetectorConfig
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.options import check_keys, check_names, option, strings
from tyrian.detectors.pii import lettered, national, phones
from tyrian.detectors.pii.addresses import crypto_addresses, emails, machine_addresses
from tyrian.detectors.pii.context import ContextWords
from tyrian.detectors.pii.hit import (
    CARD,
    CRYPTO,
    EMAIL,
    ENTITIES,
    IBAN,
    IP,
    MAC,
    NATIONAL_ID,
    PHONE,
    Hit,
)
from tyrian.detectors.pii.national import NATIONAL_IDS, NationalId
from tyrian.detectors.pii.numbers import NumberReader, Text
from tyrian.detectors.readings import Place, read_both

_DIGIT = re.compile(rb"[0-9]")
# Possessive: nothing follows, so no digit is ever read twice for it.
_RUN = re.compile(r"[0-9](?:[ .()/\u00a0\u2010-\u2013\u202f-]{0,3}+[0-9]){6,}+")
_BEFORE_RUN = ("+", "(")
_LONGEST_DATE = 40
_DATE = re.compile(
    r"(?:19|20)\d\d([-/.])[01]\d\1[0-3]\d(?: [012]?\d(?:\.\d+)?)?"
    r"|[0-3]\d([-/.])[01]\d\2(?:19|20)\d\d"
)


class Pii:
    """Personal data, each piece with its place and kind."""

    is_bounded = True
    reads_trace = False

    def __init__(
        self,
        name: str,
        *,
        entities: Iterable[str] = ENTITIES,
        regions: Iterable[str] = ("US",),
        countries: Iterable[str] | None = None,
    ) -> None:
        self._entities = frozenset(entities)
        self.info = DetectorInfo(
            name, "pii", tuple(e for e in ENTITIES if e in self._entities), revision="1"
        )
        self._regions = tuple(regions)
        ids = _national_ids(countries) if NATIONAL_ID in self._entities else ()
        self._context = ContextWords(
            [(PHONE, phones.CONTEXT), *((number.name, number.context) for number in ids)]
        )
        self._numbers = NumberReader(cards=CARD in self._entities, national_ids=ids)
        self._lettered = lettered.LetteredReader(ibans=IBAN in self._entities, national_ids=ids)

    def detect(self, view: View) -> Detection:
        """One finding per piece of personal data, none inside another."""
        return Detection.from_findings(read_both(view, self._scan))

    def _scan(self, hay: Haystack, place: Place) -> list[Finding]:
        return [
            Finding(h.rule, h.label, h.what, h.severity, h.score, *span)
            for h in _settle(self._hits(hay))
            if (span := place(h.start, h.end)) is not None
        ]

    def _hits(self, hay: Haystack) -> Iterator[Hit]:
        if EMAIL in self._entities:
            yield from emails(hay)
        has_digit = _DIGIT.search(hay.data) is not None
        if has_digit and CRYPTO in self._entities:
            yield from crypto_addresses(hay)
        if (has_digit or b"::" in hay.data) and self._entities & {IP, MAC}:
            yield from (h for h in machine_addresses(hay) if h.label in self._entities)
        if has_digit:
            yield from self._numbers_in(hay)

    def _numbers_in(self, hay: Haystack) -> Iterator[Hit]:
        text = hay.text
        known = Text(self._context.read(hay))
        yield from self._lettered.read(hay, known)
        reader = phones.PhoneReader(text, self._regions, known.context)
        has_phones = PHONE in self._entities
        for match in _RUN.finditer(text):
            start, end = match.span()
            if _is_part_of_word(text, start, end):
                continue
            for _ in range(2):
                start -= text[start - 1 : start] in _BEFORE_RUN
            if end - start <= _LONGEST_DATE and _DATE.fullmatch(text, start, end):
                continue
            if hits := self._numbers.read(text, start, end, known):
                yield from hits
            elif has_phones:
                yield from reader.read(start, end)


def _is_part_of_word(text: str, start: int, end: int) -> bool:
    """A single row of digits with letters joined to it, as hex digests and part numbers have."""
    before, after = text[start - 1 : start], text[end : end + 1]
    joined = (before.isascii() and before.isalnum()) or after.isalnum()
    return joined and text[start:end].isdigit()


_RANK = {EMAIL: 0, CRYPTO: 1, IBAN: 2, CARD: 3, NATIONAL_ID: 4, IP: 5, MAC: 5, PHONE: 6}


def _settle(hits: Iterable[Hit]) -> list[Hit]:
    """Of overlapping hits the stronger kind; sorted by place."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, _RANK[h.label])):
        if kept and hit.start < kept[-1].end:
            if _RANK[hit.label] < _RANK[kept[-1].label]:
                kept[-1] = hit
            continue
        kept.append(hit)
    return kept


def _national_ids(countries: Iterable[str] | None) -> tuple[NationalId, ...]:
    if countries is None:
        return NATIONAL_IDS
    wanted = set(countries)
    return tuple(number for number in NATIONAL_IDS if number.country in wanted)


def create(config: DetectorConfig) -> Pii:
    """The detector for personal data.

    Options: `entities` (kinds to look for, all by default), `region` or `regions` (where numbers
    without a country code are dialled, US by default), `countries` (whose national ids, such as
    `us`, all by default).
    """
    check_keys(config, ("entities", "region", "regions", "countries"))
    entities = strings(config, "entities") or ENTITIES
    check_names(config, "entities", entities, ENTITIES)
    regions = strings(config, "regions") or (option(config, "region", str, "US"),)
    check_names(config, "regions", regions, phonenumbers.SUPPORTED_REGIONS)
    countries = strings(config, "countries")
    known = {number.country for number in NATIONAL_IDS}
    check_names(config, "countries", countries or (), known)
    # Tables and plans are loaded now: nothing is read from disk while texts are scanned.
    lettered.load_tables()
    national.load_tables()
    if PHONE in entities:
        phones.load_plans()
    return Pii(config.name, entities=entities, regions=regions, countries=countries)
