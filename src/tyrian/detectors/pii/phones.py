"""Phone numbers: cheap looks first, phonenumbers only for what is left."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata

from tyrian.detectors.pii.context import Context
from tyrian.detectors.pii.hit import PHONE, Hit

MAX_VALIDATIONS = 200
"""Numbers of one text that are looked up in the plans; more are judged by their form alone."""

CONTEXT: tuple[str, ...] = (
    "phone",
    "telephone",
    "smartphone",
    "tel",
    "call",
    "mobile",
    "cell",
    "fax",
    "whatsapp",
    "sms",
    "text me",
    "reach me",
    "contact",
    "handy",
    "móvil",
    "teléfono",
    "telefon",
)
_PIECE = re.compile(
    r"\+?\(?[0-9]{1,4}(?:[ .()/\u00a0\u2010-\u2013\u202f-]{1,2}[0-9]{1,8}){1,6}|\+?[0-9]{7,17}"
)
_DATE = re.compile(
    r"(?:19|20)\d\d([-/. ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d(?!\d)"
)
_GROUP = re.compile(r"[0-9]+")
_SEPARATORS = re.compile(r"[^0-9]+")
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
_YEARS = re.compile(r"(?:19|20)\d\d(?:[ /-]{1,3}(?:19|20)\d\d)+")
_NANP = re.compile(r"(?:\+?1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}[2-9]\d\d[ .-]\d{4}")
_MIN_DIGITS, _MAX_DIGITS = 7, 15
_MIN_MEAN_GROUP = 1.9


@lru_cache(maxsize=2048)
def _is_valid(number: str, region: str | None) -> bool:
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except NumberParseException:
        return False


def load_plans() -> None:
    """Read the numbering plans of all regions now, so that no scan has to."""
    for region in phonenumbers.SUPPORTED_REGIONS:
        PhoneMetadata.metadata_for_region(region, None)
    for example in ("+12015550123", "+442079460018", "+493012345678", "+33123456789"):
        _is_valid(example, None)


@lru_cache(maxsize=512)
def _lengths(region: str) -> frozenset[int]:
    """How many digits a number may have that is dialled in the region."""
    plan = PhoneMetadata.metadata_for_region(region, None)
    if plan is None or plan.general_desc is None:
        return frozenset(range(_MIN_DIGITS, _MAX_DIGITS + 1))
    prefixes = {0, len(str(plan.country_code)), len(plan.national_prefix or "")}
    return frozenset(
        size + prefix for size in plan.general_desc.possible_length for prefix in prefixes
    )


class PhoneReader:
    """Finds phone numbers in runs of digits of one text."""

    def __init__(self, text: str, regions: Iterable[str], context: Context) -> None:
        self._text = text
        self._regions = tuple(regions)
        self._context = context
        self._left = MAX_VALIDATIONS

    def read(self, start: int, end: int) -> Iterator[Hit]:
        """The phone numbers in one run."""
        for match in _PIECE.finditer(self._text, start, end):
            first, last = match.span()
            hit = self._judge(first, last)
            if hit is not None:
                yield hit

    def _judge(self, start: int, end: int) -> Hit | None:
        text = self._text
        value = text[start:end]
        # Beyond the budget the form decides, so what has none of the forms is settled at once.
        if self._left <= 0 and not (value[0] == "+" or _NANP.fullmatch(value)):
            return None
        if _joins_word(text, start, end) or not _is_plausible(value):
            return None
        is_global = value.startswith(("+", "00"))
        score = self._score(value, start, end, is_global=is_global)
        return Hit(start, end, PHONE, "pii.phone", "phone number", score) if score else None

    def _score(self, value: str, start: int, end: int, *, is_global: bool) -> float:
        compact = _compact(value)
        regions = () if is_global else [r for r in self._regions if len(compact) in _lengths(r)]
        if not regions and (not is_global or compact.startswith("+0")):
            return 0.0  # no country's code begins with 0
        if self._left <= 0:
            return 0.6 if value.startswith("+") or _NANP.fullmatch(value) else 0.0
        self._left -= 1
        if is_global:
            return 0.9 if _is_valid(compact, None) else 0.0
        if not any(_is_valid(compact, region) for region in regions):
            return 0.0
        if self._context.is_near(PHONE, start, end):
            return 0.85
        return 0.3 if value.isdigit() else 0.7


def _compact(value: str) -> str:
    digits = _SEPARATORS.sub("", value)
    if value.startswith("+"):
        return "+" + digits
    return "+" + digits[2:] if value.startswith("00") else digits


def _is_plausible(value: str) -> bool:
    if value.isdigit():
        return _MIN_DIGITS <= len(value) <= _MAX_DIGITS
    groups = _GROUP.findall(value)
    digits = sum(map(len, groups))
    if not _MIN_DIGITS <= digits <= _MAX_DIGITS or digits < _MIN_MEAN_GROUP * len(groups):
        return False
    return not (_DATE.match(value) or _DECIMAL.fullmatch(value) or _YEARS.fullmatch(value))


def _joins_word(text: str, start: int, end: int) -> bool:
    """Part of an identifier, an amount, a version or a longer number."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return (
        before.isalnum()
        or (before != "" and before in "_$€£#/=.-@")
        or after.isalnum()
        or (after != "" and after in "_%@")
    )
