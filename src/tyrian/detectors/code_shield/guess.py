"""Which language a piece of code without a tag is in."""

import re
from functools import lru_cache
from typing import NamedTuple

import re2

from tyrian.detectors.code_shield.features import FEATURES

_READ = 8000
"""Characters that are looked at."""
_LEAST = 2.0
"""The score under which a text is not taken for code of a language."""

_SHEBANG = re.compile(
    r"\A\s*#!\s*/\S*?(?:env\s+)?(?:-S\s+)?\b(python|node|bash|sh|zsh|ksh|ruby|php|deno|perl|swift)"
)
_SHEBANGS = {
    "python": "python", "node": "javascript", "deno": "typescript", "bash": "shell", "sh": "shell",
    "zsh": "shell", "ksh": "shell", "ruby": "ruby", "php": "php", "swift": "swift",
}  # fmt: skip


class Guess(NamedTuple):
    """A language that a text may be in."""

    language: str
    score: float


class _Compiled(NamedTuple):
    patterns: "re2._Set"
    owners: tuple[tuple[str, float], ...]


@lru_cache(maxsize=1)
def _compiled() -> _Compiled:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 32 << 20
    patterns = re2.Set.SearchSet(options)
    owners = []
    for language, features in FEATURES.items():
        for pattern, weight in features.items():
            patterns.Add(f"(?m){pattern}".encode())
            owners.append((language, weight))
    patterns.Compile()
    return _Compiled(patterns, tuple(owners))


def guesses(code: str, most: int = 2) -> list[Guess]:
    """The likeliest languages, best first; none where the text does not look like code."""
    shebang = _SHEBANG.match(code)
    if shebang and shebang[1] in _SHEBANGS:
        return [Guess(_SHEBANGS[shebang[1]], 20.0)]
    table = _compiled()
    scores: dict[str, float] = {}
    for index in table.patterns.Match(code[:_READ].encode("utf-8", "surrogatepass")) or ():
        language, weight = table.owners[index]
        scores[language] = scores.get(language, 0.0) + weight
    found = [Guess(language, score) for language, score in scores.items() if score >= _LEAST]
    found.sort(key=lambda guess: -guess.score)
    if len(found) > 1 and found[0].score >= 3 * found[1].score:
        return found[:1]
    return found[:most]
