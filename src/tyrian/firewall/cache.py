"""Decisions already made, keyed by all that they depend on."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from tyrian.core.detection import Stage
from tyrian.core.message import ImagePart, Message, TextPart, ToolCall
from tyrian.firewall.decide import Judgement


def message_digest(message: Message, seed: bytes = b"") -> bytes:
    """A digest of everything that a detector can read in a message."""
    pieces = [piece.encode("utf-8", "surrogatepass") for piece in _pieces(message)]
    lengths = repr([len(piece) for piece in pieces]).encode()
    return hashlib.blake2b(b"".join((seed, lengths, *pieces)), digest_size=24).digest()


def _pieces(message: Message) -> Iterable[str]:
    yield from (message.role, message.origin, message.name, message.tool_call_id)
    for part in message.parts:
        match part:
            case TextPart(text=text):
                yield from ("t", text)
            case ImagePart(url=url, detail=detail):
                yield from ("i", url, detail)
            case ToolCall(id=call_id, name=name, arguments=arguments):
                yield from ("c", call_id, name, arguments)


def cache_key(
    digest: str, stage: Stage, messages: Iterable[Message], *, is_natural: bool = False
) -> bytes:
    """The key of a subject (first) and, where guards read it, of the trace before it."""
    seed = f"{digest}|{stage}|{is_natural:d}".encode()
    for message in messages:
        seed = message_digest(message, seed)
    return seed


class DecisionCache:
    """Least recently used judgements, each for at most `ttl_s` seconds.

    Incomplete judgements are never kept: a failure is not an answer. Keeps digests, never text.
    """

    def __init__(
        self,
        size: int = 4096,
        ttl_s: float = 300.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size = size
        self.ttl_s = ttl_s
        self.hits = 0
        self.misses = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[float, Judgement]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Judgement | None:
        """The judgement under this key, if it is still good."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] <= self._clock():
                self._entries.pop(key, None)
                self.misses += 1
                return None
            self._entries.move_to_end(key)
            self.hits += 1
            return entry[1]

    def put(self, key: bytes, judgement: Judgement) -> None:
        """Keep a complete judgement."""
        if self.size <= 0 or not judgement.is_complete:
            return
        with self._lock:
            self._entries[key] = (self._clock() + self.ttl_s, judgement)
            self._entries.move_to_end(key)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)
