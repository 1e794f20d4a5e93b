"""Text patterns: a phrase of prompt injection and five shapes of personal data."""

import re

from tyrian.compat.llamafirewall.conversion import text_of
from tyrian.compat.llamafirewall.llamafirewall_data_types import (
    Message,
    ScanDecision,
    ScanResult,
    Trace,
)
from tyrian.compat.llamafirewall.scanners.base_scanner import Scanner

DEFAULT_REGEX_PATTERNS: dict[str, str] = {
    "Prompt injection": r"\b(?:ignore|disregard|forget) (?:(?:all|any|the|your) ){0,2}"
    r"(?:previous |prior |above )?(?:instructions|rules)\b",
    "Email address": r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    "Phone number": r"(?<!\d)(?:\+?\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)",
    "Credit card": r"(?<!\d)\d{4}(?:[ -]?\d{4}){3}(?!\d)",
    "Social security number": r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)",
}


class RegexScanner(Scanner):
    """Blocks what any pattern matches; `patterns` may be added to."""

    ALLOW_REASON = "No regex patterns matched"

    def __init__(self, scanner_name: str = "Regex Scanner", block_threshold: float = 1.0) -> None:
        super().__init__(scanner_name, block_threshold)
        self.patterns = {
            name: re.compile(pattern, re.IGNORECASE)
            for name, pattern in DEFAULT_REGEX_PATTERNS.items()
        }

    async def scan(self, message: Message, past_trace: Trace | None = None) -> ScanResult:
        """The first pattern that matches."""
        text = text_of(message.content)
        for name, pattern in self.patterns.items():
            if pattern.search(text):
                return ScanResult(ScanDecision.BLOCK, f"Regex match: {name}", 1.0)
        return ScanResult(ScanDecision.ALLOW, self.ALLOW_REASON, 0.0)
