"""What the parts of the PII detector hand to each other."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Hit:
    """One piece of personal data, in characters of the text."""

    start: int
    end: int
    label: str
    rule: str
    what: str
    score: float
    severity: Severity = Severity.MEDIUM
