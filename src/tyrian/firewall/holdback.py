"""Where a stream may be cut: what leaves, and what is held back."""

from collections.abc import Sequence
from dataclasses import dataclass

from tyrian.firewall.redact import Mark

MIN_HOLD_BACK = 128
MIN_STEP = 64
FIRST_WORDS = 32
"""Characters that the first scan should be able to let go, so that it does not let go none."""

_TOKEN = "".join(map(chr, range(0x21, 0x7F)))
"""ASCII that stands within a token: a key, an address, an encoded blob."""
_BLOCK_BEGIN = "-----BEGIN "
_BLOCK_END = "-----END "
_BLOCK_EDGE = "-----"


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much of a stream is held back and looked at, in characters."""

    hold_back: int = 256
    """The first words leave once so much text is there; later ones follow about as far behind."""
    context: int = 768
    """How much of what has left is judged again together with what is pending."""
    max_token: int = 4096
    """A run without a space is kept whole up to this length, an armoured block up to twice it."""

    @property
    def window(self) -> int:
        """How much judged text stands after whatever leaves; MIN_HOLD_BACK at the least."""
        return max(self.hold_back - FIRST_WORDS, MIN_HOLD_BACK)

    def step(self, released: int, *, is_cheap: bool) -> int:
        """How many new characters call for the next scan, once so many have left.

        The first words come soon; in a long answer scans are further apart, so that each
        character is judged a handful of times only.
        """
        if not is_cheap:
            return self.window
        return min(self.window, max(MIN_STEP, self.window // 4, released // 8))


def cut_before(pending: str, marks: Sequence[Mark], limits: StreamLimits) -> int:
    """How many characters of `pending` may leave, given the merged marks on it.

    Never within a mark, nor within a token or an armoured block that may yet turn out to be one.
    """
    cut = _token_start(pending, len(pending) - limits.window, limits.max_token)
    cut = _block_start(pending, cut, 2 * limits.max_token)
    for mark in marks:
        if mark.start < cut < mark.end:
            return mark.start
    return max(cut, 0)


def _token_start(text: str, limit: int, max_token: int) -> int:
    if limit <= 0 or text[limit] not in _TOKEN:
        return limit
    start = len(text[:limit].rstrip(_TOKEN))
    return start if limit - start <= max_token else limit


def _block_start(text: str, cut: int, max_block: int) -> int:
    """`cut`, moved before an armoured block that has begun but not ended."""
    begin = text.rfind(_BLOCK_BEGIN, 0, max(cut, 0) + len(_BLOCK_BEGIN))
    if not 0 <= begin < cut or len(text) - begin > max_block:
        return cut
    end = text.find(_BLOCK_END, begin)
    is_ended = end >= 0 and text.find(_BLOCK_EDGE, end + len(_BLOCK_END)) >= 0
    return cut if is_ended else begin


def tail_of(text: str, size: int) -> str:
    """The last `size` characters, not beginning within a token where that can be helped."""
    if len(text) <= size:
        return text
    tail = text[-size:]
    if text[-size - 1] not in _TOKEN:
        return tail
    return tail.lstrip(_TOKEN) or tail
