"""What the parts of the PII detector hand to each other."""

from typing import NamedTuple

from tyrian.core.detection import Severity

EMAIL, PHONE, CARD, IBAN, NATIONAL_ID, IP, MAC, CRYPTO = ENTITIES = (
    "email",
    "phone",
    "card",
    "iban",
    "national-id",
    "ip",
    "mac",
    "crypto",
)


class Hit(NamedTuple):
    """One piece of personal data, in characters of the text."""

    start: int
    end: int
    label: str
    rule: str
    what: str
    score: float
    severity: Severity = Severity.MEDIUM
