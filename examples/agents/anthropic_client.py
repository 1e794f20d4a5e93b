"""An agent on the plain Anthropic SDK, whose client is guarded.

python -m examples.agents.anthropic_client
"""

from typing import Any

import anthropic
from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall

from tyrian.adapters.anthropic import guarded
from tyrian.adapters.conversation import RefusedError

TOOLS: list[Any] = [
    {
        "name": name,
        "input_schema": {
            "type": "object",
            "properties": {key: {"type": "string"} for key in keys},
            "required": list(keys),
        },
    }
    for name, keys in {
        "fetch_page": ("name",),
        "read_file": ("path",),
        "send_mail": ("to", "text"),
    }.items()
]


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    world = World()
    messages: list[Any] = [{"role": "user", "content": task}]
    plain = anthropic.Anthropic(base_url=base, api_key="none", max_retries=0)
    with guarded(plain, firewall()) as client:
        try:
            for _ in range(6):
                answer = client.messages.create(
                    model=MODEL, max_tokens=500, system=SYSTEM, messages=messages, tools=TOOLS
                )
                if answer.stop_reason != "tool_use":
                    text = "".join(block.text for block in answer.content if block.type == "text")
                    return Outcome(text, world.done)
                messages.append({"role": "assistant", "content": answer.content})
                results = [
                    {
                        "type": "tool_result",
                        "tool_use_id": block.id,
                        "content": getattr(world, block.name)(**block.input),
                    }
                    for block in answer.content
                    if block.type == "tool_use"
                ]
                messages.append({"role": "user", "content": results})
        except RefusedError as refused:
            return Outcome("", world.done, refused.message)
    return Outcome("", world.done, "too many steps")


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
