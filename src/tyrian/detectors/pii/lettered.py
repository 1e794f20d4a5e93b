"""Numbers with letters in them: bank accounts and national ids, found by one alternation."""

import re
from collections.abc import Iterable, Iterator

import re2
from stdnum import iban

from tyrian.core.detection import Severity
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.pii.hit import IBAN, Hit
from tyrian.detectors.pii.national import NationalId
from tyrian.detectors.pii.numbers import Text, national_hit

_IBAN_SHAPE = r"[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?"
_IBAN_START = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_MIN_IBAN = 15
MAX_IBANS = 1000
"""IBANs of one text whose country's form is looked up; for more their check digits are enough."""
_VALUES = {**{str(d): str(d) for d in range(10)}, **{chr(55 + v): str(v) for v in range(10, 36)}}


def has_iban_digits(value: str) -> bool:
    """The check digits of ISO 13616 (MOD 97-10); much cheaper than the tables of countries."""
    compact = value.replace(" ", "").upper()
    return int("".join([_VALUES[c] for c in compact[4:] + compact[:4]])) % 97 == 1


class LetteredReader:
    """Looks for IBANs and for national ids that have a pattern."""

    def __init__(self, *, ibans: bool, national_ids: Iterable[NationalId]) -> None:
        self._ids = [(re.compile(n.pattern), n) for n in national_ids if n.pattern]
        self._first = re.compile("|".join(rf"({pattern.pattern})\Z" for pattern, _ in self._ids))
        self._has_ibans = ibans
        shapes = [n.pattern for _, n in self._ids] + ([_IBAN_SHAPE] if ibans else [])
        self._any = re2.compile(rf"\b(?:{'|'.join(shapes)})\b".encode()) if shapes else None

    def read(self, hay: Haystack, known: Text) -> Iterator[Hit]:
        """All hits, from left to right."""
        if self._any is None:
            return
        judged: dict[str, Hit | None] = {}
        left = MAX_IBANS
        for match in self._any.finditer(hay.data):
            start, end = hay.span(*match.span())
            value = hay.text[start:end]
            hit: Hit | None = None
            if self._has_ibans and _IBAN_START.match(value):
                if value not in judged:
                    judged[value] = _iban(value, is_whole=left > 0)
                    left -= judged[value] is not None
                hit = judged[value]
                hit = hit and hit._replace(start=start, end=start + hit.end)
            hit = hit or self._national(value, start, end, known)
            if hit is not None:
                yield hit

    def _national(self, value: str, start: int, end: int, known: Text) -> Hit | None:
        first = self._first.match(value)
        if first is None or not first.lastindex:
            return None
        for pattern, number in self._ids[first.lastindex - 1 :]:
            if not pattern.fullmatch(value):
                continue
            if number.needs_words and number.name not in known.context.near(start, end):
                continue
            if known.is_valid(number, value):
                return national_hit(number, start, end)
        return None


def _iban(value: str, *, is_whole: bool) -> Hit | None:
    """The IBAN that a value begins with; its shape may take in words behind the number."""
    while len(value) >= _MIN_IBAN:
        if has_iban_digits(value) and (iban.is_valid(value) if is_whole else True):
            return Hit(0, len(value), IBAN, "pii.iban", "bank account (IBAN)", 0.95, Severity.HIGH)
        value = value.rpartition(" ")[0]
    return None


def load_tables() -> None:
    """Read the table of countries now, so that no scan has to."""
    iban.is_valid("GB00WEST00000000000000")
