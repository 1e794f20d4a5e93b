"""Regular expressions of rules: each is compiled once, and matched line by line."""

from functools import lru_cache
from typing import TYPE_CHECKING

from tyrian.detectors.linear import compiled_linear

if TYPE_CHECKING:
    import re2

_MAX_MEM = 8 << 20


@lru_cache(maxsize=8192)
def compiled(pattern: str) -> "re2._Regexp":
    """The expression, compiled for bytes in linear time; ConfigError where that cannot be."""
    return compiled_linear(f"(?m){pattern}", max_mem=_MAX_MEM)
