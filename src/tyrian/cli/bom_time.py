"""The time that a bill of materials says of itself: given, or none, so that bytes repeat."""

import os
from datetime import UTC, datetime

from tyrian.errors import ConfigError


def time_of(text: str) -> str:
    """ISO 8601 in UTC, to the second; of SOURCE_DATE_EPOCH where nothing is given, else empty."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text and not epoch:
        return ""
    try:
        if text == "now":
            moment = datetime.now(UTC)
        elif text:
            moment = datetime.fromisoformat(text)
        else:
            moment = datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"{text or epoch!r} is no time",
            hint="--time 2026-03-31T12:00:00Z or --time now; SOURCE_DATE_EPOCH is in seconds",
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
