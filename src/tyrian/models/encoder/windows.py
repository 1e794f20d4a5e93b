"""The stretch of a text that the encoder reads at a time."""

WIDTH = 600
"""Characters of a window."""
_MOST_TOKENS = 192


def at_most() -> int:
    """Tokens of one window; more, as in a run of signs, are not read."""
    return _MOST_TOKENS


def around(start: int, end: int, length: int, width: int = WIDTH) -> tuple[int, int]:
    """A window with this stretch in its middle, inside a text of this length."""
    middle = (start + end) // 2
    first = min(max(middle - width // 2, 0), max(length - width, 0))
    return first, min(first + width, length)
