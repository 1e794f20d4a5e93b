"""Whether a file has the form of safetensors, seen from its first bytes alone.

Form: eight bytes of little-endian header length, then a JSON object of that length, then tensors
(safetensors format specification). The readers check the rest.
"""

from pathlib import Path

_LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the reference reader."""


def is_safetensors(path: Path) -> bool:
    """Whether the file begins as safetensors does; a pickle under that name does not."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    return len(start) == 9 and length <= min(size - 8, _LONGEST_HEADER) and start[8:] == b"{"
