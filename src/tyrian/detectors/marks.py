"""The marks that redaction leaves in a text, which are nobody's words."""

import re

LABELS = ("secret", "email", "phone", "card", "iban", "national-id", "ip", "mac", "crypto")
"""What the detectors of secrets and of personal data find. No others: an order to a model could
stand in a label that anybody may choose."""

_BEGINNING = "[REDACTED:"
_MARK = re.compile(re.escape(_BEGINNING) + rf"(?:{'|'.join(LABELS)})\]")


def unmarked(text: str) -> str:
    """The text with an x and blanks in place of the marks, as long as before.

    A mark in brackets beside "the key is" looks like an order to a model, and is the firewall's;
    so does the sentence when nothing follows.
    """
    if _BEGINNING not in text:
        return text
    return _MARK.sub(lambda found: "x".ljust(len(found[0])), text)
