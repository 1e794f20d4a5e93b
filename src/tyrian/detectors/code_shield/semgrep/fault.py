"""Why a Semgrep rule cannot run here."""

from collections.abc import Sequence


class RefusedError(Exception):
    """Something in a rule that this loader does not hold; `path` are the keys that lead to it."""

    def __init__(self, reason: str, path: Sequence[object] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = tuple(path)
