"""Usage of tokens, as model servers tell it and as we tell it."""

from tyrian.gateway.metering import BYTES_PER_TOKEN, Usage
from tyrian.gateway.wire import Json

_MOST = 1 << 40


def told_usage(value: object) -> Json | None:
    """The usage that a model server told, with a total that is the sum; None where it told none."""
    if not isinstance(value, dict):
        return None
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    return {
        **value,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return value if is_count and isinstance(value, int) else None


def note_told(usage: Usage, told: Json) -> None:
    """Book what the server told instead of an estimate."""
    usage.prompt_tokens, usage.completion_tokens = (
        int(str(told["prompt_tokens"])),
        int(str(told["completion_tokens"])),
    )
    usage.cached_tokens = min(_cached(told), usage.prompt_tokens)
    usage.is_estimate = False


def _cached(told: Json) -> int:
    """What the server had in its cache, by either name that servers give it."""
    details = told.get("prompt_tokens_details")
    found = details.get("cached_tokens") if isinstance(details, dict) else None
    return _count(found) or _count(told.get("prompt_cache_hit_tokens")) or 0


def usage_fields(usage: Usage) -> Json:
    """The usage as an answer shows it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def tokens_in(size: int) -> int:
    """An estimate for that many bytes or characters of text."""
    return -(-size // BYTES_PER_TOKEN)
