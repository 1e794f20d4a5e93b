"""Log probabilities of streamed tokens: they spell out the text, so they leave with it."""

from collections import deque


class TokenProbabilities:
    """Of one choice: entries are let go once the text that they belong to has left unchanged."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, list[object]]] = deque()
        self._text = ""
        self._taken = 0
        self._released = 0
        self._is_lost = False

    def take(self, text: str, entries: list[object]) -> None:
        """Note a piece of text as it came, and the entries that came with it."""
        if self._is_lost:
            return
        self._text += text
        self._taken += len(text)
        if entries:
            self._waiting.append((self._taken, entries))

    def release(self, text: str) -> list[object] | None:
        """The entries that may leave with `text`; None where there are none."""
        if self._is_lost:
            return None
        if not self._text.startswith(text):
            # A guard has changed the text: from here on the entries tell of another one.
            self._is_lost = True
            self._waiting.clear()
            return None
        self._text = self._text[len(text) :]
        self._released += len(text)
        out: list[object] = []
        while self._waiting and self._waiting[0][0] <= self._released:
            out.extend(self._waiting.popleft()[1])
        return out or None
