"""Which limits hold for a request, and the headers that tell of them."""

import math
from collections.abc import Sequence
from typing import Final

from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.tiers import LIMITS, TierLimits
from tyrian.gateway.accounts.windows import State, Take, Taken
from tyrian.gateway.errors import ApiError, Headers

MINUTE_S: Final = 60
DAY_S: Final = 86_400
ALL_MODELS: Final = "*"

_NONE: Final = TierLimits(None, None)


def takes_for(key: KeyRecord, model: str, tokens: int) -> list[Take]:
    """What a request takes from which limits, in a fixed order."""
    takes: list[Take] = []
    has_own = any(
        rule.subject_id == key.organisation_id and rule.model == ALL_MODELS for rule in key.rates
    )
    if not has_own:
        default = LIMITS.get(key.tier, _NONE)
        takes += _minute(
            key.organisation_id,
            ALL_MODELS,
            default.requests_per_minute,
            default.tokens_per_minute,
            tokens,
        )
    for rule in key.rates:
        if rule.model not in (ALL_MODELS, model):
            continue
        takes += _minute(
            rule.subject_id, rule.model, rule.requests_per_minute, rule.tokens_per_minute, tokens
        )
        if rule.requests_per_day is not None:
            name = _name(rule.subject_id, rule.model, "requests")
            takes.append(Take(name, rule.requests_per_day, 1, DAY_S))
    return takes


def _minute(
    subject: str, model: str, requests: int | None, most_tokens: int | None, tokens: int
) -> list[Take]:
    takes = []
    if requests is not None:
        takes.append(Take(_name(subject, model, "requests"), requests, 1, MINUTE_S))
    if most_tokens is not None:
        takes.append(Take(_name(subject, model, "tokens"), most_tokens, tokens, MINUTE_S))
    return takes


def _name(subject: str, model: str, what: str) -> str:
    return f"{{{subject}}}:{model}:{what}"


def counts_tokens(take: Take) -> bool:
    """Whether a limit is one of tokens, whose amount is known only after the answer."""
    return take.name.endswith(":tokens")


def headers(states: Sequence[State]) -> Headers:
    """`x-ratelimit-…` of the tightest limit of requests and of tokens."""
    found: list[tuple[bytes, bytes]] = []
    for what in ("requests", "tokens"):
        fitting = [state for state in states if state.take.name.endswith(f":{what}")]
        if not fitting:
            continue
        tightest = min(fitting, key=lambda state: state.remaining)
        found += [
            (f"x-ratelimit-limit-{what}".encode(), b"%d" % tightest.take.limit),
            (f"x-ratelimit-remaining-{what}".encode(), b"%d" % tightest.remaining),
            (f"x-ratelimit-reset-{what}".encode(), duration(tightest.reset_s).encode()),
        ]
    return found


def duration(seconds: float) -> str:
    """`12ms`, `6s`, `1m30s`, `2h0m0s`, as OpenAI's headers have it; rounded up."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    whole = math.ceil(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def limit_reached(taken: Taken, model: str) -> ApiError:
    """429 that says which limit, and when to try again."""
    take = taken.refused
    if take is None:
        raise AssertionError("nothing was refused")
    what = "tokens" if counts_tokens(take) else "requests"
    span = "day" if take.window_s == DAY_S else "min"
    message = (
        f"Rate limit reached for `{model}`: {take.limit} {what} per {span}, "
        f"{take.amount} requested."
    )
    if math.isinf(taken.retry_s):
        never = ((b"x-should-retry", b"false"),)
        return ApiError(429, f"{message} This request alone is more.", code=_CODE, headers=never)
    retry_ms = max(1, math.ceil(taken.retry_s * 1000))
    waits = (
        (b"retry-after", b"%d" % -(-retry_ms // 1000)),
        (b"retry-after-ms", b"%d" % retry_ms),
    )
    again = f"{message} Try again in {duration(taken.retry_s)}."
    return ApiError(429, again, code=_CODE, headers=waits)


_CODE: Final = "rate_limit_exceeded"
