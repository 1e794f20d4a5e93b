"""What of a text that has left a stream must stand before the rest for it to be read rightly."""

import re

from tyrian.detectors.code_shield.fences import blocks_of

_MOST = 4000
"""Characters that are carried at most."""
_KEPT = (
    r"(?m)^[ \t]*(?:import\b|from\b|use\b|using\b|#[ \t]*include\b"
    r"|(?:const|let|var)\b[^\n]*\brequire\b"
    r"|[@$]{0,2}[A-Za-z_][\w$.]*[ \t]*:?=[ \t]*\S)[^\n]{0,300}$"
)


def carried(text: str) -> str:
    """The line of the fence that is open at the end, with imports and assignments behind it.

    Empty where no fence is open. The last line comes along as far as it goes, so that what follows
    joins it. `carried(carried(a) + b)` is `carried(a + b)`, up to its size.
    """
    lines_end = text.rfind("\n") + 1
    begun = text[lines_end:]
    blocks = blocks_of(text[:lines_end] + "\x00")
    if not blocks or blocks[-1].is_closed:
        return begun if begun.lstrip(" \t>").startswith(("`", "~")) else ""
    block = blocks[-1]
    fence = text[block.open_at : block.start]
    kept = [match[0] for match in re.compile(_KEPT).finditer(text, block.start, lines_end)]
    lines: list[str] = []
    size = 0
    for line in reversed(kept):
        size += len(line) + 1
        if size > _MOST:
            break
        lines.append(line)
    return fence + "".join(f"{line}\n" for line in reversed(lines)) + begun
