"""OpenAI's `responses`: items in and out as Wired messages, and streams of them.

What is kept at the server (`previous_response_id`, `conversation`, stored prompts) and tools that
run there are refused: no guard sees them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tyrian.adapters.openai_events import EventGuard
from tyrian.adapters.wire import Json, Wired, objects, role_of, screen_answer
from tyrian.core.message import Role, Trace
from tyrian.errors import BlockedError, InputError
from tyrian.firewall.firewall import Firewall

_UNSEEN = ("previous_response_id", "conversation", "prompt", "background")
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_ITEM_KEYS = {
    "message": {"id", "type", "role", "status", "content", "phase"},
    "function_call": {"id", "type", "status", "call_id", "name", "arguments"},
    "reasoning": {"id", "type", "status", "summary", "content", "encrypted_content"},
}
"""Items that an answer may hold, with the keys that leave."""
_PART_KEYS = {"type", "text", "refusal", "logprobs"}


class Responses:
    """How `responses` are judged."""

    chat = "/responses"
    unjudged: tuple[str, ...] = ("/responses/input_tokens",)
    instead = "responses.create"
    unset: Any = None

    def __init__(self) -> None:
        import openai  # optional

        self.unset = openai.NOT_GIVEN

    def read(self, body: Json) -> Iterable[Wired]:
        """The instructions and the items of a request."""
        for key in _UNSEEN:
            if body.get(key):
                raise BlockedError(
                    f"no guard sees what `{key}` stands for, which is kept at the server",
                    hint="send the whole conversation as `input`, and wait for the answer",
                )
        for at, tool in objects(body.get("tools") or [], "tools"):
            if tool.get("type") != "function":
                raise BlockedError(
                    f"{at}: no guard sees what a tool of type {tool.get('type')!r} does",
                    hint="use tools of type `function`, which run here",
                )
        return [*_instructions(body), *_input(body)]

    async def judged(self, firewall: Firewall, answer: Any, trace: Trace) -> Any:
        """The response with its items as they may go on."""
        return await judged_response(firewall, answer, trace)

    def chunks(self, firewall: Firewall, trace: Trace) -> EventGuard:
        """A guard for the events of one stream."""
        return EventGuard(lambda answer: judged_response(firewall, answer, trace))


async def judged_response(firewall: Firewall, answer: Any, trace: Trace) -> Any:
    """A response as it may go on; RefusedError where it may not."""
    given: Json = answer.to_dict(mode="json")
    items: list[Json] = given.get("output") or []
    wired = Wired(Role.ASSISTANT)
    for at, item in objects(items, "output"):
        _answer_item(wired, item, at)
    is_changed = await screen_answer(firewall, wired, trace)
    given["output"] = [_bare(item, is_changed=is_changed) for item in items]
    judged = type(answer).construct(**given)
    judged._request_id = getattr(answer, "_request_id", None)
    return judged


def _instructions(body: Json) -> Iterator[Wired]:
    if body.get("instructions") is not None:
        wired = Wired(Role.SYSTEM)
        wired.text(body, "instructions", "instructions")
        yield wired


def _input(body: Json) -> Iterator[Wired]:
    if isinstance(body.get("input"), str):
        wired = Wired(Role.USER)
        wired.text(body, "input", "input")
        yield wired
    elif body.get("input") is not None:
        for at, item in objects(body["input"], "input"):
            yield _item(item, at)


def _item(item: Json, at: str) -> Wired:
    kind = item.get("type", "message")
    if kind == "message":
        wired = Wired(role_of(item, at))
        _content(wired, item, "content", f"{at}.content")
    elif kind == "function_call":
        wired = Wired(Role.ASSISTANT)
        _call(wired, item, at)
    elif kind == "function_call_output":
        wired = Wired(Role.TOOL, call_id=str(item.get("call_id") or ""))
        _content(wired, item, "output", f"{at}.output")
    elif kind == "reasoning":
        wired = Wired(Role.ASSISTANT)
        _reasoning(wired, item, at)
    else:
        raise InputError(f"{at}: no guard can read an item of type {kind!r}")
    return wired


def _answer_item(wired: Wired, item: Json, at: str) -> None:
    kind = item.get("type")
    if kind == "message":
        _content(wired, item, "content", f"{at}.content")
    elif kind == "function_call":
        _call(wired, item, at)
    elif kind == "reasoning":
        _reasoning(wired, item, at)
    else:
        raise BlockedError(f"{at}: no guard can read an item of type {kind!r}")


def _content(wired: Wired, item: Json, key: str, place: str) -> None:
    content = item.get(key)
    if not isinstance(content, list):
        item.setdefault(key, None)
        wired.text(item, key, place)
        return
    for at, part in objects(content, place):
        kind = part.get("type")
        if kind in _TEXTS:
            part.setdefault(_TEXTS[kind], None)
            wired.text(part, _TEXTS[kind], f"{at}.{_TEXTS[kind]}")
        elif kind == "input_image" and isinstance(part.get("image_url"), str):
            wired.image(part["image_url"])
        else:
            raise InputError(f"{at}: no guard can read a part of type {kind!r}")


def _call(wired: Wired, item: Json, at: str) -> None:
    if not isinstance(item.get("name"), str) or not isinstance(item.get("arguments"), str):
        raise InputError(f"{at}: `name` and `arguments` must be strings")
    wired.call(str(item.get("call_id") or ""), item["name"], item, "arguments")


def _reasoning(wired: Wired, item: Json, at: str) -> None:
    for key in ("summary", "content"):
        for place, part in objects(item.get(key) or [], f"{at}.{key}"):
            part.setdefault("text", None)
            wired.text(part, "text", f"{place}.text")


def _bare(item: Json, *, is_changed: bool) -> Json:
    """An item of an answer without what no guard reads."""
    kept = {key: value for key, value in item.items() if key in _ITEM_KEYS[item["type"]]}
    if item["type"] == "message":
        kept["content"] = [_bare_part(part, is_changed) for part in item["content"]]
    if item["type"] == "reasoning" and is_changed:
        kept["encrypted_content"] = None  # what it says is not known
    return kept


def _bare_part(part: Json, is_changed: bool) -> Json:
    kept = {key: value for key, value in part.items() if key in _PART_KEYS}
    if part["type"] == "output_text":
        kept["annotations"] = []
        if is_changed:
            kept["logprobs"] = []  # they spell the text as it came
    return kept
