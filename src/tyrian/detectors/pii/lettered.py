"""Numbers with letters in them: bank accounts and national ids, found by one alternation."""

import re
from collections.abc import Iterable, Iterator

import re2
from stdnum import iban

from tyrian.core.detection import Severity
from tyrian.detectors.haystack import Haystack
from tyrian.detectors.pii.context import Context
from tyrian.detectors.pii.hit import IBAN, Hit
from tyrian.detectors.pii.national import NationalId
from tyrian.detectors.pii.numbers import national_hit

_IBAN_SHAPE = r"[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?"
_IBAN_START = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_MIN_IBAN = 15
_VALUES = {**{str(d): str(d) for d in range(10)}, **{chr(55 + v): str(v) for v in range(10, 36)}}


def has_iban_digits(value: str) -> bool:
    """The check digits of ISO 13616 (MOD 97-10); much cheaper than the tables of countries."""
    compact = value.replace(" ", "").upper()
    return int("".join([_VALUES[c] for c in compact[4:] + compact[:4]])) % 97 == 1


class LetteredReader:
    """Looks for IBANs and for national ids that have a pattern."""

    def __init__(self, *, ibans: bool, national_ids: Iterable[NationalId]) -> None:
        self._ids = [(re.compile(n.pattern), n) for n in national_ids if n.pattern]
        self._has_ibans = ibans
        shapes = [n.pattern for _, n in self._ids] + ([_IBAN_SHAPE] if ibans else [])
        self._any = re2.compile(rf"\b(?:{'|'.join(shapes)})\b".encode()) if shapes else None

    def read(self, hay: Haystack, context: Context) -> Iterator[Hit]:
        """All hits, from left to right."""
        if self._any is None:
            return
        for match in self._any.finditer(hay.data):
            start, end = hay.span(*match.span())
            hit = self._iban(hay.text, start, end) or self._national(hay.text, start, end, context)
            if hit is not None:
                yield hit

    def _iban(self, text: str, start: int, end: int) -> Hit | None:
        if not self._has_ibans or not _IBAN_START.match(text, start, end):
            return None
        # The shape may take in words behind the number: try it shorter, group by group.
        value = text[start:end]
        while len(value) >= _MIN_IBAN:
            if has_iban_digits(value) and iban.is_valid(value):
                stop = start + len(value)
                return Hit(
                    start, stop, IBAN, "pii.iban", "bank account (IBAN)", 0.95, Severity.HIGH
                )
            value = value.rpartition(" ")[0]
        return None

    def _national(self, text: str, start: int, end: int, context: Context) -> Hit | None:
        for pattern, number in self._ids:
            if not pattern.fullmatch(text, start, end):
                continue
            if number.needs_words and not context.is_near(number.name, start, end):
                continue
            if hit := national_hit(number, text, start, end):
                return hit
        return None


def load_tables() -> None:
    """Read the table of countries now, so that no scan has to."""
    iban.is_valid("GB00WEST00000000000000")
