"""Chat completions that we write ourselves: whole, as chunks, and in place of what was stopped."""

import secrets
import time
from collections.abc import Mapping

import msgspec

from tyrian.core.decision import Decision
from tyrian.gateway.screen import decision_fields, refusal_text
from tyrian.gateway.wire import Json

encode = msgspec.json.encode
NO_USAGE: Mapping[str, int] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
CONTENT_FILTER = b'"content_filter"'


def new_completion_id() -> str:
    """An id in the dialect's form."""
    return "chatcmpl-" + secrets.token_hex(12)


def refused_message(decision: Decision) -> Json:
    """The message that stands in place of a stopped one."""
    return {"role": "assistant", "content": None, "refusal": refusal_text(decision)}


def refused_completion(decision: Decision, model: str) -> Json:
    """The whole answer to a request that was stopped before any model saw it."""
    choice: Json = {
        "index": 0,
        "message": refused_message(decision),
        "logprobs": None,
        "finish_reason": "content_filter",
    }
    return {
        "id": new_completion_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": NO_USAGE,
        "tyrian": decision_fields(decision),
    }


class ChunkWriter:
    """Chunks of one streamed answer, as JSON text: the same id, time and model on all of them."""

    def __init__(self, completion_id: str, created: int, model: str) -> None:
        head = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._head = encode(head)[:-1]

    def chunk(
        self,
        index: int,
        delta: bytes,
        finish: bytes = b"null",
        decision: Decision | None = None,
        logprobs: bytes = b"null",
    ) -> bytes:
        """One chunk of one choice; `delta`, `finish` and `logprobs` are JSON text."""
        extra = b',"tyrian":' + encode(decision_fields(decision)) if decision else b""
        return b'%s,"choices":[{"index":%d,"delta":%s,"logprobs":%s,"finish_reason":%s}]%s}' % (
            self._head, index, delta, logprobs, finish, extra,
        )  # fmt: skip

    def role(self, index: int) -> bytes:
        """The first chunk of a choice."""
        return self.chunk(index, b'{"role":"assistant","content":""}')

    def refusal(self, index: int, decision: Decision) -> list[bytes]:
        """The last two chunks of a choice that was stopped."""
        text = b'{"refusal":%s}' % encode(refusal_text(decision))
        return [self.chunk(index, text), self.chunk(index, b"{}", CONTENT_FILTER, decision)]

    def usage(self, usage: bytes) -> bytes:
        """The chunk that ends a stream whose client asked for usage."""
        return b'%s,"choices":[],"usage":%s}' % (self._head, usage)

    def moderation(self, moderation: bytes) -> bytes:
        """The chunk with what moderation found, for a client that asked for it."""
        return b'%s,"choices":[],"moderation":%s}' % (self._head, moderation)
