"""The proxy without its sockets: what becomes of each message, in both directions."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.mcp.catalogue import Catalogue
from tyrian.adapters.mcp.definition import LISTINGS
from tyrian.adapters.mcp.frame import (
    INVALID,
    REFUSED,
    BadFrameError,
    Frame,
    Key,
    Kind,
    answer,
    as_object,
    error,
    exact,
)
from tyrian.adapters.mcp.judge import Judge, shown, why
from tyrian.core.detection import Stage
from tyrian.errors import TyrianError
from tyrian.policy.strict_json import Json

MAX_PENDING = 1_000
_CANCELLED = "notifications/cancelled"
_GREETINGS = ("initialize", "server/discover")
_DOCUMENTS = {"resources/read": "uri", "prompts/get": "name"}
_MODERN = "io.modelcontextprotocol/protocolVersion"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message: it goes on, is answered at once, or ends here."""

    forward: Frame | None = None
    reply: Frame | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits for its response."""

    method: str
    name: str = ""
    is_modern: bool = False


@dataclass(slots=True)
class Wire:
    """One connection between a client and a server."""

    judge: Judge
    catalogue: Catalogue
    _asked: dict[Key, _Asked] = field(default_factory=dict)
    """Requests of the client."""
    _server_asked: dict[Key, str] = field(default_factory=dict)
    """Methods of requests of the server."""

    async def from_client(self, frame: Frame) -> Outcome:
        """Judge what the client sends. Never raises for what it is sent."""
        try:
            match frame.kind:
                case Kind.REQUEST:
                    return await self._client_request(frame)
                case Kind.NOTIFICATION:
                    if frame.method == _CANCELLED:
                        self._asked.pop(_named_key(frame), None)
                    return Outcome(forward=frame)
                case Kind.RESPONSE:
                    return await self._client_response(frame)
        except TyrianError as fault:
            self._tell(f"a message of the client was dropped: {fault.message}")
            if frame.kind is not Kind.REQUEST:
                return Outcome()
            self._asked.pop(frame.key, None)
            code = INVALID if isinstance(fault, BadFrameError) else REFUSED
            return Outcome(reply=error(frame.id, code, f"[Tyrian: {fault.message}]"))

    async def from_server(self, frame: Frame) -> Outcome:
        """Judge what the server sends. Never raises for what it is sent."""
        try:
            match frame.kind:
                case Kind.REQUEST:
                    return await self._server_request(frame)
                case Kind.NOTIFICATION:
                    return await self._server_notification(frame)
                case Kind.RESPONSE:
                    return await self._server_response(frame)
        except TyrianError as fault:
            self._tell(f"a message of the server was dropped: {fault.message}")
            told = f"[Tyrian: {fault.message}]"
            if frame.kind is Kind.RESPONSE:
                return Outcome(forward=error(frame.id, REFUSED, told))
            if frame.kind is Kind.REQUEST:
                self._server_asked.pop(frame.key, None)
                return Outcome(reply=error(frame.id, REFUSED, told))
            return Outcome()

    def give_up(self, reason: str) -> list[Frame]:
        """Errors for all that the client still waits for."""
        waiting = [key[1] for key in self._asked]
        self._asked.clear()
        return [error(identity, REFUSED, f"[Tyrian: {reason}]") for identity in waiting]

    def give_up_one(self, frame: Frame, reason: str) -> Frame | None:
        """The error for one request that the client still waits for; None for any other."""
        if self._asked.pop(frame.key, None) is None:
            return None
        return error(frame.id, REFUSED, f"[Tyrian: {reason}]")

    async def _client_request(self, frame: Frame) -> Outcome:
        if frame.key in self._asked or len(self._asked) >= MAX_PENDING:
            return Outcome(
                reply=error(frame.id, INVALID, "the id is in use, or too many requests wait")
            )
        name = _name_of(frame)
        asked = _Asked(frame.method, name, _MODERN in as_object(frame.params.get("_meta")))
        self._asked[frame.key] = asked
        try:
            frame = await self._judged_request(frame, name)
        except RefusedError as refused:
            self._tell(refused.message)
            self._asked.pop(frame.key, None)
            return Outcome(reply=_refusal(frame, asked, why(refused)))
        if frame.key not in self._asked:  # cancelled while it was judged
            return Outcome()
        return Outcome(forward=frame)

    async def _judged_request(self, frame: Frame, name: str) -> Frame:
        params = frame.params
        if frame.method == "tools/call":
            exact(params, ("name", "arguments", "inputResponses"), "a call")
            if not name:
                raise BadFrameError("the call names no tool")
            hidden = self.catalogue.tool(name)
            if hidden is not None:
                decision = await self.judge.refuse(
                    hidden.rule, hidden.reason, name, name, Stage.TOOL_CALL
                )
                raise RefusedError(decision, f"the call of {shown(name)}")
            given = await self.judge.call(name, params.get("arguments", {}))
            if given or "arguments" in params:
                params = {**params, "arguments": given}
        elif frame.method == "resources/read" and self.judge.names(frame.method):
            exact(params, ("uri",), "a read")
            params = {**params, **await self.judge.call(frame.method, {"uri": params.get("uri")})}
        if "inputResponses" in params:
            params = {**params, "inputResponses": await self._responses(params["inputResponses"])}
        return frame if params == frame.params else frame.with_body(params=params)

    async def _responses(self, given: Json) -> Json:
        """Answers to what the server asked within a result; a model's own are judged."""
        return {
            key: await self.judge.sampled(value) if "role" in as_object(value) else value
            for key, value in as_object(given).items()
        }

    async def _client_response(self, frame: Frame) -> Outcome:
        method = self._server_asked.pop(frame.key, None)
        if method is None:
            self._tell("a response of the client was dropped: nobody asked for it")
            return Outcome()
        if method != "sampling/createMessage" or "result" not in frame.body:
            return Outcome(forward=frame)
        try:
            result = await self.judge.sampled(frame.body["result"])
        except RefusedError as refused:
            self._tell(refused.message)
            return Outcome(forward=error(frame.id, REFUSED, why(refused)))
        return Outcome(forward=frame.with_body(result=result))

    async def _server_request(self, frame: Frame) -> Outcome:
        if frame.key in self._server_asked or len(self._server_asked) >= MAX_PENDING:
            return Outcome(
                reply=error(frame.id, INVALID, "the id is in use, or too many requests wait")
            )
        self._server_asked[frame.key] = frame.method
        try:
            frame = await _with_params(frame, self.judge.result(frame.params, frame.method))
        except RefusedError as refused:
            del self._server_asked[frame.key]
            self._tell(refused.message)
            return Outcome(reply=error(frame.id, REFUSED, why(refused)))
        return Outcome(forward=frame)

    async def _server_notification(self, frame: Frame) -> Outcome:
        if frame.method == _CANCELLED:
            self._server_asked.pop(_named_key(frame), None)
        try:
            judged = self.judge.notice(frame.params, frame.method)
            return Outcome(forward=await _with_params(frame, judged))
        except RefusedError as refused:
            self._tell(refused.message)
            return Outcome()

    async def _server_response(self, frame: Frame) -> Outcome:
        asked = self._asked.pop(frame.key, None)
        if asked is None:
            if frame.id is not None:
                self._tell("a response of the server was dropped: nobody waits for it")
                return Outcome()
            asked = _Asked("")
        try:
            if "error" in frame.body:
                told = await self.judge.result(frame.body["error"], asked.name or asked.method)
                return Outcome(forward=frame.with_body(error=told))
            result = frame.body["result"]
            return Outcome(forward=frame.with_body(result=await self._judged_result(result, asked)))
        except RefusedError as refused:
            self._tell(refused.message)
            return Outcome(forward=_refusal(frame, asked, why(refused)))

    async def _judged_result(self, result: Json, asked: _Asked) -> Json:
        if asked.method in _GREETINGS:
            return await self._greeting(as_object(result))
        listing = LISTINGS.get(asked.method)
        if listing is not None:
            return await self.catalogue.listed(listing, as_object(result), self.judge)
        if asked.method in _DOCUMENTS:
            return await self.judge.document(result, asked.name)
        return await self.judge.result(result, asked.name or asked.method)

    async def _greeting(self, result: dict[str, Json]) -> Json:
        exact(result, ("instructions",), "the greeting of the server")
        told = result.get("instructions")
        rest = {key: value for key, value in result.items() if key != "instructions"}
        passed = as_object(await self.judge.definition(rest, "the greeting of the server"))
        if isinstance(told, str) and (kept := await self.catalogue.instructions(told, self.judge)):
            passed = {**passed, "instructions": kept}
        return passed

    def _tell(self, text: str) -> None:
        self.catalogue.tell(f"{self.catalogue.server}: {text}")


async def _with_params(frame: Frame, judged: Awaitable[Json]) -> Frame:
    params = await judged
    return frame if params == frame.params else frame.with_body(params=params)


def _name_of(frame: Frame) -> str:
    """What a request is about: the tool, the prompt, the resource."""
    found = frame.params.get("name") or frame.params.get("uri")
    return found if isinstance(found, str) else ""


def _named_key(frame: Frame) -> Key:
    """The key of the request that a message names."""
    named = frame.params.get("requestId")
    if isinstance(named, bool) or not isinstance(named, int | str):
        return str, ""
    return type(named), named


def _refusal(frame: Frame, asked: _Asked, told: str) -> Frame:
    """A refusal in the form that the method has for it: a tool's error, or the protocol's."""
    if asked.method not in ("tools/call", "tasks/result"):
        return error(frame.id, REFUSED, told)
    result: dict[str, Json] = {"content": [{"type": "text", "text": told}], "isError": True}
    if asked.is_modern:
        result["resultType"] = "complete"
    return answer(frame, result)
