"""The states of recent traces, found again by what was said, so that only new messages are read."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from tyrian.core.message import Message
from tyrian.firewall.cache import message_digest
from tyrian.policy.flow import TraceState
from tyrian.policy.trace import TraceReader

Messages = tuple[Message, ...]

KEPT = 4096
"""States kept; the least recently used one is forgotten, and read anew where it is asked for."""

MAX_SIZE = 8_000_000
"""Fingerprints of all states kept together, at most 350 MB; what states share counts for each."""

KEPT_MESSAGES = 64
"""States that are also found by the very objects of their messages, which are kept alive."""

_LOOK_BACK = 64


@dataclass(frozen=True, slots=True)
class Known:
    """How far a trace is known: the state after its first `count` messages."""

    count: int
    state: TraceState
    digest: bytes = b""
    """Of those messages."""
    is_judged: bool = False
    """The calls in those messages went through, and need not be judged again."""


class TraceStates:
    """States by the messages behind them. Safe for several threads."""

    def __init__(self, reader: TraceReader, kept: int = KEPT) -> None:
        self.reader = reader
        self._kept = kept
        self._lock = threading.Lock()
        self._by_digest: OrderedDict[bytes, tuple[TraceState, bool]] = OrderedDict()
        self._size = 0
        self._by_object: OrderedDict[tuple[int, int], tuple[Messages, Known]] = OrderedDict()

    def of(self, messages: Messages) -> TraceState:
        """The state after these messages; not to be changed, only copied."""
        known = self.longest(messages)
        if known.count == len(messages):
            return known.state
        state = self.reader.read(known.state, messages, known.count)
        self.keep(messages, state, known)
        return state

    def unread(self, messages: Messages) -> int:
        """How many characters of these messages are yet to be read."""
        return sum(len(message.text) for message in messages[self.longest(messages).count :])

    def longest(self, messages: Messages, *, is_judged: bool = False) -> Known:
        """The longest beginning of a trace whose state is known, judged where that is wanted."""
        if not messages:
            return Known(0, self.reader.start())
        with self._lock:
            found = self._same_objects(messages, is_judged)
            return found or self._same_words(messages, is_judged)

    def keep(
        self, messages: Messages, state: TraceState, known: Known, *, is_judged: bool = False
    ) -> None:
        """Remember the state after these messages, of which `known` is a beginning."""
        digest = known.digest
        for message in messages[known.count :]:
            digest = message_digest(message, digest)
        self._keep(messages, Known(len(messages), state, digest, is_judged))

    def _keep(self, messages: Messages, known: Known) -> None:
        with self._lock:
            self._forget(known.digest)
            self._by_digest[known.digest] = known.state, known.is_judged
            self._size += _size(known.state)
            while len(self._by_digest) > self._kept or (
                self._size > MAX_SIZE and len(self._by_digest) > 1
            ):
                self._forget(next(iter(self._by_digest)))
            # The objects are kept, so that their ids cannot be those of other ones.
            self._by_object[known.count, id(messages[-1])] = messages, known
            while len(self._by_object) > KEPT_MESSAGES:
                self._by_object.popitem(last=False)

    def _forget(self, digest: bytes) -> None:
        found = self._by_digest.pop(digest, None)
        if found is not None:
            self._size -= _size(found[0])

    def _same_objects(self, messages: Messages, is_judged: bool) -> Known | None:
        """By identity first: a trace that grows in this process costs no digest."""
        count = len(messages)
        for end in range(count, max(0, count - _LOOK_BACK), -1):
            found = self._by_object.get((end, id(messages[end - 1])))
            if (
                found is not None
                and found[1].is_judged >= is_judged
                and (found[0] is messages or found[0] == messages[:end])
            ):
                return found[1]
        return None

    def _same_words(self, messages: Messages, is_judged: bool) -> Known:
        digests = [b""]
        for message in messages:
            digests.append(message_digest(message, digests[-1]))
        for end in range(len(messages), 0, -1):
            found = self._by_digest.get(digests[end])
            if found is not None and found[1] >= is_judged:
                self._by_digest.move_to_end(digests[end])
                return Known(end, found[0], digests[end], found[1])
        return Known(0, self.reader.start())


def _size(state: TraceState) -> int:
    return 1 + (state.memory.size if state.memory is not None else 0)
