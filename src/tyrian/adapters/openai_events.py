"""Guards the events of a streamed response: they leave once the whole answer was judged.

The answer then leaves as a stream again, made from what was judged, so that nothing that a guard
has not read, or has taken out, stands in any of its events.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from tyrian.errors import BlockedError

_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.incomplete", "response.failed")

Event = dict[str, Any]

_EMPTY: dict[str, Event] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "reasoning": {"summary": [], "content": []},
}


class EventGuard:
    """Events in, events that may leave out."""

    def __init__(self, judge: Callable[[Any], Awaitable[Any]]) -> None:
        self._judge = judge
        self._is_over = False
        self._begun = 0

    async def feed(self, event: Any) -> list[Any]:
        """Take the next event; the events that may leave now. RefusedError where none may."""
        if event.type in _BEGINNINGS:
            bare = event.response.model_copy(update={"output": []})
            self._begun += 1
            return [event.model_copy(update={"response": bare, "sequence_number": self._begun - 1})]
        if event.type == "error":
            self._is_over = True
            return [event]
        if event.type not in _ENDS:
            return []
        self._is_over = True
        judged = await self._judge(event.response)
        end = event.model_copy(update={"response": judged})
        events = [_event(fields) for fields in _events(judged.to_dict(mode="json")["output"])]
        return [
            one.model_copy(update={"sequence_number": number})
            for number, one in enumerate([*events, end], self._begun)
        ]

    async def close(self) -> list[Any]:
        """Nothing is left of a stream that ended; BlockedError for one that broke off."""
        if not self._is_over:
            raise BlockedError("the stream broke off before the answer could be judged")
        return []

    async def settle(self) -> None:
        """Nothing waits for a decision."""


def _event(fields: Event) -> Any:
    from openai._models import construct_type
    from openai.types.responses import ResponseStreamEvent

    return construct_type(value=fields, type_=ResponseStreamEvent)


def _events(items: list[Event]) -> Iterator[Event]:
    for at, item in enumerate(items):
        inner = {
            "message": _message,
            "function_call": _call,
            "reasoning": _reasoning,
        }[item["type"]]
        begun = {**item, "status": "in_progress", **_EMPTY[item["type"]]}
        yield {"type": "response.output_item.added", "output_index": at, "item": begun}
        for event in inner(item):
            yield {**event, "output_index": at, "item_id": item.get("id") or ""}
        yield {"type": "response.output_item.done", "output_index": at, "item": item}


def _message(item: Event) -> Iterator[Event]:
    for index, part in enumerate(item["content"]):
        is_text = part["type"] == "output_text"
        key, name = ("text", "output_text") if is_text else ("refusal", "refusal")
        extra: Event = {"logprobs": []} if is_text else {}
        empty = {**part, key: ""}
        yield {"type": "response.content_part.added", "content_index": index, "part": empty}
        piece = {"type": f"response.{name}.delta", "content_index": index, "delta": part[key]}
        yield {**piece, **extra}
        whole = {"type": f"response.{name}.done", "content_index": index, key: part[key]}
        yield {**whole, **extra}
        yield {"type": "response.content_part.done", "content_index": index, "part": part}


def _call(item: Event) -> Iterator[Event]:
    kind = "response.function_call_arguments"
    yield {"type": f"{kind}.delta", "delta": item["arguments"]}
    yield {"type": f"{kind}.done", "arguments": item["arguments"], "name": item["name"]}


def _reasoning(item: Event) -> Iterator[Event]:
    for index, part in enumerate(item.get("summary") or []):
        at = {"summary_index": index}
        kind = "response.reasoning_summary"
        yield {"type": f"{kind}_part.added", "part": {**part, "text": ""}, **at}
        yield {"type": f"{kind}_text.delta", "delta": part["text"], **at}
        yield {"type": f"{kind}_text.done", "text": part["text"], **at}
        yield {"type": f"{kind}_part.done", "part": part, **at}
    for index, part in enumerate(item.get("content") or []):
        at = {"content_index": index}
        yield {"type": "response.reasoning_text.delta", "delta": part["text"], **at}
        yield {"type": "response.reasoning_text.done", "text": part["text"], **at}
