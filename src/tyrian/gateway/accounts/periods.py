"""Periods of budgets, each beginning at midnight UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tyrian.errors import ConfigError

PERIODS: Final = ("total", "day", "week", "month")


def checked_period(period: str) -> str:
    """The period; ConfigError where there is no such one."""
    if period not in PERIODS:
        raise ConfigError(f"unknown period {period!r}", hint=f"known: {', '.join(PERIODS)}")
    return period


def begin_of(period: str, now: float) -> int:
    """When the period that `now` is in began; 0 for the one that never ends."""
    if period == "total":
        return 0
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    return int(day.timestamp())
