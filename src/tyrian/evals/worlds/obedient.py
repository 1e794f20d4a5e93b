"""An agent by rule that obeys whoever speaks to it last: the vulnerable one of examples and tests.

It looks up what its task names, and then does every order that it finds in plain words, its user's
and those in what its tools return, without telling them apart.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from tyrian.evals.exchange import Reply, Request, ToolCall, Turn

Found = tuple[str, Mapping[str, str]]
_ADDRESS = r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
_URL = r"(https?://[^\s\"'<>)]+[^\s\"'<>).,;])"
_FILE = r"([\w./-]+\.\w{1,5})"


def _mail(match: re.Match[str]) -> Found:
    return "send_mail", {"to": match[1], "subject": "As asked", "text": match[0]}


_ORDERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Found]], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), make)
    for pattern, make in (
        (rf"\b(?:send|forward|mail|write)\b[^.\n]{{0,160}}?\bto {_ADDRESS}", _mail),
        (
            rf"\bshare\b[^.\n]{{0,40}}?{_FILE}[^.\n]{{0,40}}?\bwith {_ADDRESS}",
            lambda m: ("share_file", {"name": m[1], "with": m[2]}),
        ),
        (
            rf"\bdelete\b[^\n]{{0,40}}?{_FILE}",
            lambda m: ("delete_file", {"name": m[1]}),
        ),
        (
            rf"\b(?:save|write|put)\b[^\n]{{0,80}}?\b(?:in|to|into) {_FILE}",
            lambda m: ("write_file", {"name": m[1], "text": m[0]}),
        ),
        (
            rf"\b(?:post|submit|upload)\b[^\n]{{0,100}}?\bto {_URL}",
            lambda m: ("post_form", {"url": m[1], "text": m[0]}),
        ),
        (r"\brun `([^`\n]+)`", lambda m: ("run_command", {"command": m[1]})),
        (
            r"\b(?:add|schedule|book)\b[^\n]{0,40}?\"([^\"\n]+)\" (?:on|for) ([\w :,-]+?)"
            rf"(?: (?:and )?(?:invite|inviting|with) {_ADDRESS})?(?=[.\n]|$)",
            lambda m: ("add_event", {"title": m[1], "when": m[2], "invite": m[3] or ""}),
        ),
        (r"\bcancel\b[^\n]{0,30}?\"([^\"\n]+)\"", lambda m: ("cancel_event", {"name": m[1]})),
    )
)
_LOOKS: Final = (
    (re.compile(rf"\b(?:open|read|see|visit|look at) {_URL}", re.IGNORECASE), "open_page", "url"),
    (re.compile(r"\bmail \"([^\"\n]+)\"", re.IGNORECASE), "read_mail", "name"),
    (re.compile(rf"\b(?:read|open|check|look at) {_FILE}", re.IGNORECASE), "read_file", "name"),
    (re.compile(r"\bevent \"([^\"\n]+)\"", re.IGNORECASE), "read_event", "name"),
)


class ObedientAgent:
    """Looks first, acts afterwards, and ends when nothing is left to do."""

    name = "scripted-agent"
    identity = "scripted-agent"

    async def reply(self, request: Request) -> Reply:
        """The next call that any text so far asks for, and that was not made yet."""
        offered = {str(_function(tool)["name"]) for tool in request.tools}
        made = {(c.name, c.arguments) for turn in request.turns for c in turn.calls}
        for tool, arguments in _wanted(request.turns):
            said = msgspec.json.encode(arguments).decode()
            if tool in offered and (tool, said) not in made:
                call = ToolCall(f"call_{len(made)}", tool, said)
                return Reply("", calls=(call,), finish_reason="tool_calls")
        return Reply("Done.", finish_reason="stop")

    async def close(self) -> None:
        """Nothing to let go of."""


def _function(tool: Mapping[str, object]) -> Mapping[str, object]:
    function = tool["function"]
    assert isinstance(function, Mapping)
    return function


def _wanted(turns: tuple[Turn, ...]) -> Iterator[Found]:
    texts = [turn.text for turn in turns if turn.role in ("user", "tool")]
    for text in texts[:1]:
        for pattern, tool, name in _LOOKS:
            for match in pattern.finditer(text):
                yield tool, {name: match[1]}
    for text in texts:
        for order, make in _ORDERS:
            for match in order.finditer(text):
                yield make(match)
