"""Pseudonyms: the model reads `<EMAIL_1>`, the user gets the value back."""

import json
import re
from collections import defaultdict

_TOKEN = re.compile(r"<[A-Z][A-Z0-9_]{0,63}_[0-9]{1,9}>")
_NOT_WORD = re.compile(r"[^A-Z0-9]+")


class Pseudonyms:
    """A reversible map between values and their pseudonyms, for one conversation.

    The same value has the same pseudonym in all messages. A pseudonym that some text already
    holds by itself is never given out, so call `reserve` with all texts before the first scan
    where a conversation is judged message by message.
    """

    def __init__(self) -> None:
        self._token_of: dict[tuple[str, str], str] = {}
        self._value_of: dict[str, str] = {}
        self._taken: set[str] = set()
        self._last: defaultdict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._value_of)

    def reserve(self, *texts: str) -> None:
        """Never give out a pseudonym that one of these texts already holds."""
        for text in texts:
            if "<" in text:
                self._taken.update(_TOKEN.findall(text))

    def token(self, label: str, value: str) -> str:
        """The pseudonym of a value, made on first sight."""
        word = _NOT_WORD.sub("_", label.upper()).strip("_") or "VALUE"
        word = word[:64] if word[0].isalpha() else f"V_{word}"[:64]
        known = self._token_of.get((word, value))
        if known is not None:
            return known
        while True:
            self._last[word] += 1
            token = f"<{word}_{self._last[word]}>"
            if token not in self._taken:
                break
        self._token_of[word, value] = token
        self._value_of[token] = value
        return token

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with every pseudonym of ours replaced by its value.

        `in_json` escapes the values, for tool-call arguments.
        """
        if not self._value_of or "<" not in text:
            return text

        def value(match: re.Match[str]) -> str:
            found = self._value_of.get(match[0])
            if found is None:
                return match[0]
            return json.dumps(found, ensure_ascii=False)[1:-1] if in_json else found

        return _TOKEN.sub(value, text)

    def restorer(self, *, in_json: bool = False) -> "Restorer":
        """A `restore` for text that comes in pieces."""
        return Restorer(self, in_json=in_json)

    def _may_begin_token(self, tail: str) -> bool:
        return any(token.startswith(tail) for token in self._value_of)


class Restorer:
    """Restores a stream; keeps back only what may be the beginning of a pseudonym."""

    def __init__(self, pseudonyms: Pseudonyms, *, in_json: bool = False) -> None:
        self._pseudonyms = pseudonyms
        self._in_json = in_json
        self._held = ""

    def feed(self, text: str) -> str:
        """What may leave now."""
        held = self._held + text
        at = held.rfind("<")
        if at >= 0 and not self._pseudonyms._may_begin_token(held[at:]):
            at = -1
        if at >= 0 and held.endswith(">"):
            at = -1
        ready, self._held = (held, "") if at < 0 else (held[:at], held[at:])
        return self._pseudonyms.restore(ready, in_json=self._in_json)

    def close(self) -> str:
        """The rest."""
        rest, self._held = self._held, ""
        return self._pseudonyms.restore(rest, in_json=self._in_json)
