"""A small world that an agent acts in: tools, what they return, and what was done with them.

Worlds are plain values: a call changes nothing outside of them, and the same calls give the same
answers. What an attacker or a user wants is a call that was made, with arguments that match.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tyrian.evals.exchange import ToolCall

Arguments = Mapping[str, Any]
Handler = Callable[["World", Arguments], str]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model is told of it, and what it does in the world."""

    name: str
    about: str
    parameters: Mapping[str, str]
    """Name and description of each; all are texts."""
    handle: Handler

    def on_wire(self) -> Mapping[str, object]:
        """In the form of OpenAI's `tools`."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.about,
                "parameters": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string", "description": about}
                        for name, about in self.parameters.items()
                    },
                    "required": list(self.parameters),
                    "additionalProperties": False,
                },
            },
        }


@dataclass(slots=True)
class World:
    """The state of one world: what it holds, and the calls made so far."""

    tools: Sequence[Tool]
    holds: dict[str, dict[str, str]]
    """By kind (`mail`, `file`, `page`, ...) and name."""
    made: list[tuple[str, Arguments]] = field(default_factory=list)

    def call(self, call: ToolCall) -> str:
        """What the tool returns; faults of the call are told to the model, as real tools do."""
        tool = next((one for one in self.tools if one.name == call.name), None)
        if tool is None:
            return f"error: there is no tool {call.name!r}"
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return "error: the arguments are not JSON"
        if not isinstance(arguments, dict):
            return "error: the arguments are not an object"
        missing = [name for name in tool.parameters if not isinstance(arguments.get(name), str)]
        if missing:
            return f"error: {', '.join(missing)} must be given, as text"
        self.made.append((call.name, arguments))
        return tool.handle(self, arguments)


@dataclass(frozen=True, slots=True)
class Deed:
    """A call that somebody wants: its tool, and a pattern for each argument that matters."""

    tool: str
    arguments: Mapping[str, str]

    def is_done(self, made: Sequence[tuple[str, Arguments]]) -> bool:
        """Whether such a call is among those made."""
        return any(
            tool == self.tool
            and all(
                re.search(pattern, str(arguments.get(name, "")), re.IGNORECASE | re.DOTALL)
                for name, pattern in self.arguments.items()
            )
            for tool, arguments in made
        )
