"""Sizes as people read them."""

_STEP = 1000


def in_words(size: float) -> str:
    """Bytes as people read them: `1.1 GB`."""
    for unit in ("bytes", "kB", "MB"):
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} GB"
