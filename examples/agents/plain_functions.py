"""An agent without a framework: its tools are plain functions with a decorator.

python -m examples.agents.plain_functions
"""

import json
import urllib.request
from typing import Any

from examples.agents.model import MODEL, ModelServer
from examples.agents.world import SYSTEM, TASKS, Outcome, World, firewall

from tyrian.adapters.conversation import Conversation, RefusedError
from tyrian.adapters.function import guarded_function


def run(task: str, base: str) -> Outcome:
    """Carry out a task with the model at an address."""
    world = World()
    talk = Conversation(firewall())
    guard = guarded_function(talk)
    tools = {
        tool.__name__: guard(tool) for tool in (world.fetch_page, world.read_file, world.send_mail)
    }
    try:
        asked = talk.sync(talk.user(task))
        messages: list[Any] = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": asked},
        ]
        for _ in range(6):
            message = _ask(base, messages)
            if not message.get("tool_calls"):
                return Outcome(talk.sync(talk.answer(message["content"])), world.done)
            messages.append(message)
            for call in message["tool_calls"]:
                function = call["function"]
                found = tools[function["name"]](**json.loads(function["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": found})
    except RefusedError as refused:
        return Outcome("", world.done, refused.message)
    return Outcome("", world.done, "too many steps")


def _ask(base: str, messages: list[Any]) -> dict[str, Any]:
    body = json.dumps({"model": MODEL, "messages": messages}).encode()
    request = urllib.request.Request(f"{base}/v1/chat/completions", body)
    with urllib.request.urlopen(request, timeout=10) as answer:
        message: dict[str, Any] = json.load(answer)["choices"][0]["message"]
        return message


if __name__ == "__main__":
    with ModelServer() as model:
        for name, task in TASKS.items():
            print(f"{name}: {run(task, model.base)}")
