"""Why an image, or a part of it, could not be judged."""

from dataclasses import dataclass

from tyrian.core.detection import Severity
from tyrian.errors import InputError

UNREADABLE = "unreadable-image"
"""Label of images that are none, are broken, or ask for more than is allowed."""
DISGUISED = "disguised-image"
"""Label of images that are something else besides, or say that they are of another format."""
REMOTE = "remote-image"
"""Label of images that are only named by an address; they are never fetched."""
UNREAD_PIXELS = "unread-pixels"
"""Label of images whose pixels nothing here can read, because a piece is not installed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something about an image that is itself evidence."""

    rule: str
    label: str
    message: str
    score: float = 1.0
    severity: Severity = Severity.HIGH


class UnreadableError(InputError):
    """An image, or a part of it, that is not read; the message never quotes it."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(rule, UNREADABLE, message)
