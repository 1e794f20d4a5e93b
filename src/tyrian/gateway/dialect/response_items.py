"""Items of a response: as they are when they are whole, and as they grow in a stream."""

import secrets

from tyrian.gateway.wire import Json


def new_id(kind: str) -> str:
    """An id in the dialect's form."""
    return f"{kind}_{secrets.token_hex(16)}"


def message_item(item_id: str, content: list[Json], status: str) -> Json:
    """An item with what the model says."""
    return {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def reasoning_item(item_id: str, text: str) -> Json:
    """An item with what the model thought, where it shows that."""
    content = [{"type": "reasoning_text", "text": text}] if text else []
    return {"id": item_id, "type": "reasoning", "summary": [], "content": content}


def call_item(
    item_id: str, call_id: str, name: str, arguments: str, status: str = "completed"
) -> Json:
    """An item with a call of a function."""
    return {
        "id": item_id,
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def text_part(text: str, logprobs: list[Json]) -> Json:
    """A part with text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def logprobs_of(entries: object) -> list[Json]:
    """Log probabilities in the dialect's shape, where `bytes` cannot be missing."""
    found: list[Json] = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
            continue
        top = [_logprob(e) for e in entry.get("top_logprobs") or () if isinstance(e, dict)]
        found.append({**_logprob(entry), "top_logprobs": top})
    return found


def _logprob(entry: Json) -> Json:
    token = str(entry.get("token", ""))
    return {
        "token": token,
        "logprob": entry.get("logprob", 0.0),
        "bytes": entry.get("bytes") or list(token.encode()),
    }


class GrowingItem:
    """An item of a stream: it begins, grows, and ends once."""

    def __init__(self, index: int, item_id: str) -> None:
        self.index = index
        self.id = item_id
        self.text: list[str] = []

    def grow(self, text: str, logprobs: list[Json]) -> list[Json]:
        """The events for a piece of it."""
        self.text.append(text)
        return [self.event(f"{self.kind}.delta", delta=text, **self._more(logprobs))]

    def begin(self) -> list[Json]:
        """The events that begin it."""
        return [self.added(self.item("in_progress"))]

    def end(self, status: str) -> list[Json]:
        """The events that end it."""
        return [self.done(self.item(status))]

    @property
    def kind(self) -> str:
        """What its own events are called."""
        raise NotImplementedError

    def item(self, status: str) -> Json:
        """The item with what it holds by now."""
        raise NotImplementedError

    def _more(self, logprobs: list[Json]) -> Json:
        return {"content_index": 0}

    def event(self, kind: str, **fields: object) -> Json:
        """An event about this item."""
        head: Json = {"type": f"response.{kind}", "item_id": self.id, "output_index": self.index}
        return {**head, **fields}

    def added(self, item: Json) -> Json:
        """The event with which it appears."""
        return {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def done(self, item: Json) -> Json:
        """The event with which it is whole."""
        return {"type": "response.output_item.done", "output_index": self.index, "item": item}


class GrowingMessage(GrowingItem):
    """What the model says."""

    kind = "output_text"

    def __init__(self, index: int) -> None:
        super().__init__(index, new_id("msg"))
        self._logprobs: list[Json] = []

    def grow(self, text: str, logprobs: list[Json]) -> list[Json]:
        """The events for a piece of it."""
        self._logprobs += logprobs
        return super().grow(text, logprobs)

    def _more(self, logprobs: list[Json]) -> Json:
        return {"content_index": 0, "logprobs": logprobs}

    def part(self) -> Json:
        """Its one part."""
        return text_part("".join(self.text), self._logprobs)

    def item(self, status: str) -> Json:
        """The item."""
        content = [] if status == "in_progress" else [self.part()]
        return message_item(self.id, content, status)

    def begin(self) -> list[Json]:
        """The item, then its part."""
        part = self.event("content_part.added", content_index=0, part=self.part())
        return [self.added(self.item("in_progress")), part]

    def end(self, status: str) -> list[Json]:
        """Its text, its part, the item."""
        text = "".join(self.text)
        return [
            self.event("output_text.done", content_index=0, text=text, logprobs=self._logprobs),
            self.event("content_part.done", content_index=0, part=self.part()),
            self.done(self.item(status)),
        ]


class GrowingRefusal(GrowingMessage):
    """What stands in place of a stopped answer."""

    kind = "refusal"

    def _more(self, logprobs: list[Json]) -> Json:
        return {"content_index": 0}

    def part(self) -> Json:
        """Its one part."""
        return {"type": "refusal", "refusal": "".join(self.text)}

    def end(self, status: str) -> list[Json]:
        """The refusal, its part, the item."""
        text = "".join(self.text)
        return [
            self.event("refusal.done", content_index=0, refusal=text),
            self.event("content_part.done", content_index=0, part=self.part()),
            self.done(self.item(status)),
        ]


class GrowingReasoning(GrowingItem):
    """What the model thinks."""

    kind = "reasoning_text"

    def __init__(self, index: int) -> None:
        super().__init__(index, new_id("rs"))

    def item(self, status: str) -> Json:
        """The item."""
        return reasoning_item(self.id, "".join(self.text))

    def end(self, status: str) -> list[Json]:
        """Its text, then the item."""
        text = "".join(self.text)
        return [
            self.event("reasoning_text.done", content_index=0, text=text),
            self.done(self.item(status)),
        ]


class GrowingCall(GrowingItem):
    """A call of a function."""

    kind = "function_call_arguments"

    def __init__(self, index: int, call_id: str, name: str) -> None:
        super().__init__(index, new_id("fc"))
        self._call_id = call_id
        self._name = name

    def _more(self, logprobs: list[Json]) -> Json:
        return {}

    def item(self, status: str) -> Json:
        """The item."""
        return call_item(self.id, self._call_id, self._name, "".join(self.text), status)

    def end(self, status: str) -> list[Json]:
        """Its arguments, then the item."""
        arguments = "".join(self.text)
        return [
            self.event("function_call_arguments.done", name=self._name, arguments=arguments),
            self.done(self.item(status)),
        ]
