"""An agent on the plain OpenAI SDK, whose client is guarded.

python -m examples.agents.openai_client
"""

import json
from typing import Any

import openai
from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall

from tyrian.adapters.conversation import RefusedError
from tyrian.adapters.openai import guarded

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in keys},
                "required": list(keys),
            },
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
    messages: list[Any] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": task},
    ]
    plain = openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0)
    with guarded(plain, firewall()) as client:
        try:
            for _ in range(6):
                answer = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
                message = answer.choices[0].message
                if not message.tool_calls:
                    return Outcome(message.content or "", world.done)
                messages.append(message.model_dump(exclude_none=True))
                for call in message.tool_calls:
                    assert call.type == "function"
                    tool = getattr(world, call.function.name)
                    found = tool(**json.loads(call.function.arguments))
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": found})
        except RefusedError as refused:
            return Outcome("", world.done, refused.message)
    return Outcome("", world.done, "too many steps")


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
